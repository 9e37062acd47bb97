#include "server/admin/access.hpp"

#include "config/address.hpp"
#include "server/front/origin_rules.hpp"

#include <algorithm>

namespace callcache
{
namespace
{

bool are_on_loopback(const std::vector<std::string>& addresses)
{
    return std::all_of(addresses.begin(), addresses.end(), [](const std::string& a) {
        auto at = parse_host_port(a);
        return at && is_loopback(at->host);
    });
}

}  // namespace

bool is_for_probes(std::string_view target)
{
    return target == "/healthz" || target == "/readyz" || target == "/metrics";
}

std::optional<std::string> admin_warning(const server_settings& s)
{
    if (are_on_loopback(s.admin) || !s.admin_token_file.empty()) return std::nullopt;
    return "server.admin is reached from beyond loopback and has no token, so /healthz, /readyz and /metrics are all "
           "that it answers: put a token into a file and name it in server.admin_token_file, or listen on loopback";
}

std::optional<reply> refuse_stranger(const request& r, const std::vector<std::string>& addresses,
                                     const admin_token* token, const std::vector<std::string>& hosts)
{
    const bool on_loopback = are_on_loopback(addresses);
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
