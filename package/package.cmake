# What `./dev package` puts into a .deb and a tarball: the program, its systemd unit, an example of the configuration, and
# the documents. Both are made by CPack, for the machine that it runs on.
set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY ON)  # the tests are no part of it

install(TARGETS callcache RUNTIME DESTINATION bin)
install(FILES docker/callcache.service DESTINATION lib/systemd/system)
install(FILES config/callcache.example.json config/callcache.schema.json DESTINATION share/doc/callcache/examples)
install(FILES README.md CHANGELOG.md SECURITY.md DESTINATION share/doc/callcache)
install(DIRECTORY docs DESTINATION share/doc/callcache)
if(EXISTS ${CMAKE_SOURCE_DIR}/LICENSE)
    install(FILES LICENSE DESTINATION share/doc/callcache RENAME copyright)
endif()

set(CPACK_GENERATOR DEB TGZ)
set(CPACK_PACKAGE_CHECKSUM SHA256)
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGE_VENDOR "callcache")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "local caching proxy for the Gong API, within the company's budget")
set(CPACK_PACKAGE_FILE_NAME callcache-${PROJECT_VERSION}-${CMAKE_SYSTEM_NAME}-${CMAKE_SYSTEM_PROCESSOR})
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_MAINTAINER "callcache maintainers")
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "ca-certificates, tzdata")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${CMAKE_SOURCE_DIR}/package/postinst ${CMAKE_SOURCE_DIR}/package/prerm)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
include(CPack)
