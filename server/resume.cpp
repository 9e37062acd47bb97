// `callcache resume`: ends a pause that the vendor asked for, in a running callcache.

#include "server/ask_self.hpp"
#include "server/commands.hpp"
#include "server/secret_file.hpp"

#include <cstdio>

namespace callcache
{
namespace
{

constexpr auto patience = std::chrono::seconds(5);

}  // namespace

int resume(const settings& config)
{
    if (config.server.admin.empty())
        return std::fprintf(stderr, "callcache: server.admin is off, so nothing can be told to a running callcache\n"),
               1;
    own_address self = admin_address(config);
    std::string token;
    if (const std::string& file = config.server.admin_token_file; !file.empty())
    {
        auto read = read_secret("server.admin_token_file", file);
        if (auto* unreadable = std::get_if<secret_unreadable>(&read))
            return std::fprintf(stderr, "callcache: %s\n", unreadable->text.c_str()), 1;
        token = std::get<std::string>(read);
    }
    auto answer = ask_self(self, "POST", "/resume", patience, token);
    if (answer.status == 200) return std::puts("resumed; the window and the day's budget still hold"), 0;
    std::string why =
        answer.status == 0 ? answer.trouble : "status " + std::to_string(answer.status) + " " + answer.body;
    std::fprintf(stderr, "callcache at %s:%u did not resume: %s\n", self.at.host.c_str(), self.at.port, why.c_str());
    return 1;
}

}  // namespace callcache
