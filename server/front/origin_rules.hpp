// Who may ask at all: names that a request may carry, and no web page.
#pragma once

#include "server/http/head_guard.hpp"
#include "server/http/request.hpp"

#include <optional>
#include <string>
#include <vector>

namespace callcache
{

// Where callcache acts with a credential of its own (`inject`), a page in a browser must not be able to use it: not by
// a form or a script (Origin, Sec-Fetch-Site), not by a name that it points at loopback (DNS rebinding: Host), and not
// by asking first (OPTIONS). Nothing, or why the request is refused.
std::optional<refused_head> refuse_web_page(const request&, const std::vector<std::string>& further_hosts);

// The same on the admin address, but for what callcache's own status page asks: it comes from the very origin that it
// asks (Sec-Fetch-Site and Origin of the Fetch standard; browsers leave out the former without TLS beyond loopback),
// and writes JSON, which no form can send. A link to the page is followed (Sec-Fetch-Mode).
std::optional<refused_head> refuse_foreign_page(const request&, const std::vector<std::string>& further_hosts);

// True if `authority` (host, with or without port) is one of this machine's loopback names or of `further_hosts`.
bool is_own_host(std::string_view authority, const std::vector<std::string>& further_hosts);

}  // namespace callcache
