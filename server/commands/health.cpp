// `callcache health`: asks a running callcache whether it is ready, as the container's HEALTHCHECK. It finds the
// address from the same configuration as `serve`.

#include "server/commands/admin_client.hpp"
#include "server/commands/answer_trouble.hpp"
#include "server/commands/commands.hpp"

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
    if (by_admin ? answer.body == "{\"status\":\"ready\"}" : answer.status == 400 && own_error(answer.body)) return 0;
    if (by_admin && answer.status == 503) return refuse("not ready: " + self.at.text() + " is starting or stopping");
    return refuse("not ready: " + answer_trouble(self, answer, "refused", by_admin ? "--admin" : "--listen"));
}

}  // namespace callcache
