#include "server/secrets/secret_file.hpp"

#include "tests/support/temp_folder.hpp"

#include <doctest/doctest.h>

#include <fstream>

using namespace callcache;

namespace
{

// What a file of this content holds, or the operator's line.
std::string secret_of(const std::string& content)
{
    test::temp_folder folder;
    std::ofstream(folder.file("s"), std::ios::binary) << content;
    auto read = read_secret("a.key_file", folder.file("s"));
    if (auto* no = std::get_if<secret_unreadable>(&read)) return no->text.substr(no->text.rfind('"') + 1);
    return std::get<std::string>(read);
}

}  // namespace

TEST_CASE("secret file: blanks, line ends and a byte order mark around the secret do not belong to it")
{
    for (const char* content : {"hush hush", "hush hush\n", "  hush hush\r\n", "\n\thush hush\t \n\n",
                                "\xef\xbb\xbfhush hush", "\xef\xbb\xbf hush hush \r\n"})
        CHECK(secret_of(content) == "hush hush");
}

TEST_CASE("secret file: one that holds nothing, more than one line or UTF-16 is refused, and not shown")
{
    CHECK(secret_of("") == " is empty");
    CHECK(secret_of("\xef\xbb\xbf \n") == " is empty");
    CHECK(secret_of("hush\nhush") == " holds more than one line");
    CHECK(secret_of(std::string("\xff\xfeh\0u\0", 6)) == " is UTF-16; save it as UTF-8");
}
