// callcache's version.
#pragma once

namespace callcache
{

inline constexpr const char* version = CALLCACHE_VERSION;  // from CMakeLists.txt

}  // namespace callcache
