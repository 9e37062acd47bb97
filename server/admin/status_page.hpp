// What GET / answers: the status page, for a person's browser.
#pragma once

#include "server/http/reply.hpp"

#include <string_view>

namespace callcache
{

// server/admin/status_page.html, which the build puts into the program.
std::string_view status_page_html();

// The page, and what it may do: run its own script, wear its own style, ask its own origin. Anything else that found
// its way into it, a tool's name above all, stays text (Content Security Policy 3, Trusted Types).
const reply& status_page();

}  // namespace callcache
