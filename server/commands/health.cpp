// `callcache health`: asks a running callcache whether it is ready, as the container's HEALTHCHECK. It finds the
// address from the same configuration as `serve`.

#include "server/commands/ask_self.hpp"
#include "server/commands/commands.hpp"

#include <cstdio>

namespace callcache
{
namespace
{

constexpr auto patience = std::chrono::milliseconds(900);  // below the second that a HEALTHCHECK has

}  // namespace

int health(const settings& config)
{
    bool by_admin = !config.server.admin.empty();
    own_address self = by_admin ? admin_address(config) : tools_address(config);
    // Without an admin address: a lookup that is refused without asking the vendor shows that callcache answers.
    auto answer = ask_self(self, "GET", by_admin ? "/readyz" : "/v2/calls/undefined", patience);
    if (answer.status == (by_admin ? 200 : 400)) return 0;
    std::fprintf(stderr, "callcache at %s:%u is not ready: %s\n", self.at.host.c_str(), self.at.port,
                 answer.status == 0 ? answer.trouble.c_str() : ("status " + std::to_string(answer.status)).c_str());
    return 1;
}

}  // namespace callcache
