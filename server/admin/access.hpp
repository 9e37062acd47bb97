// Who may see and do what on the admin address.
//
// Probes and scrapes come from a kubelet or a Prometheus, which ask by address and hold no token: these are open
// everywhere. Everything else is the operator's. On loopback, where only this machine's users are, it is free; beyond
// it a token opens it, and while none is configured nothing does. Web pages but our own are refused: a browser
// that has been shown the token sends it along with whatever a page makes it ask.
#pragma once

#include "config/settings.hpp"
#include "server/admin/admin_token.hpp"
#include "server/http/reply.hpp"
#include "server/http/request.hpp"

#include <optional>
#include <string>
#include <vector>

namespace callcache
{

// True for what is answered without a token.
bool is_for_probes(std::string_view target);

// What an operator is warned of whose server.admin is beyond loopback while no token opens it; nullopt otherwise.
std::optional<std::string> admin_warning(const server_settings&);

// Nothing, or the answer to a request that is not for probes and not the operator's. `addresses`: server.admin.
// `token`: null while there is none. `hosts`: further names that a Host field may carry.
std::optional<reply> refuse_stranger(const request&, const std::vector<std::string>& addresses,
                                     const admin_token* token, const std::vector<std::string>& hosts);

}  // namespace callcache
