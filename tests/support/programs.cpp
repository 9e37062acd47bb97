#include "tests/support/programs.hpp"

namespace callcache::test
{
namespace
{

std::uint16_t port_after(const std::string& text, const std::string& key)
{
    for (const std::string& before : {"\"" + key + "\":\"127.0.0.1:", " " + key + "=127.0.0.1:"})  // JSON or text
        if (std::size_t at = text.find(before); at != std::string::npos)
            return std::uint16_t(std::stoul(text.substr(at + before.size())));
    return 0;
}

}  // namespace

serving::serving(const std::string& url, const std::string& database, const std::vector<std::string>& further,
                 const child::wishes& w) :
    process(
        callcache_program,
        [&] {
            std::vector<std::string> a{"serve",      "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0",
                                       "--upstream", url,        "--db",        database};
            a.insert(a.end(), further.begin(), further.end());
            return a;
        }(),
        w)
{
    if (!process.says("known_credentials")) return;
    port = port_after(process.output(), "tools");
    admin_port = port_after(process.output(), "admin");
}

}  // namespace callcache::test
