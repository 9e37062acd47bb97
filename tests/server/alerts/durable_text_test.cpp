#include "server/alerts/durable_text.hpp"

#include "server/secrets/whole_file.hpp"
#include "tests/support/temp_folder.hpp"

#include <doctest/doctest.h>

using namespace callcache;

TEST_CASE("durable text: a file is replaced whole, and nothing else is left")
{
    test::temp_folder folder;
    const std::string path = folder.file("told");
    CHECK(replace_durably(path, "one\ntwo\n"));
    CHECK(replace_durably(path, "three\n"));
    CHECK(read_whole_file(path) == "three\n");
    CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 1);
}

TEST_CASE("durable text: a file that cannot be written is said, and holds what it held")
{
    test::temp_folder folder;
    const std::string path = folder.file("told");
    CHECK_FALSE(replace_durably(folder.file("no/such/folder"), "x"));
    CHECK(replace_durably(path, "one\n"));
    std::filesystem::create_directory(path + "-new");
    CHECK_FALSE(replace_durably(path, "two\n"));
    CHECK(read_whole_file(path) == "one\n");
}
