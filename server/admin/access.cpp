#include "server/admin/access.hpp"

#include "config/address.hpp"
#include "server/front/origin_rules.hpp"

#include <algorithm>

namespace callcache
{

bool is_for_probes(std::string_view target)
{
    return target == "/healthz" || target == "/readyz" || target == "/metrics";
}

std::optional<reply> refuse_stranger(const request& r, const std::vector<std::string>& addresses,
                                     const admin_token* token, const std::vector<std::string>& hosts)
{
    bool on_loopback = std::all_of(addresses.begin(), addresses.end(), [](const std::string& a) {
        auto at = parse_host_port(a);
        return at && is_loopback(at->host);
    });
    if (!on_loopback && !token)
        return own_answer(403, "beyond loopback this needs a token: put one into a file and name it in "
                               "server.admin_token_file; /healthz, /readyz and /metrics are answered without");
    if (auto refused = refuse_foreign_page(r, hosts)) return own_answer(refused->status, refused->text);
    if (on_loopback || token->is_shown_by(r.authorization)) return std::nullopt;
    return unauthorized(
        r.has_authorization
            ? "this is not the token (server.admin_token_file)"
            : "show the token of server.admin_token_file, as Bearer or as Basic with the token as password",
        "callcache");
}

}  // namespace callcache
