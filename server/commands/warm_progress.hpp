// How far `callcache warm` has come, in words and as a bar.
#pragma once

#include "server/commands/warming.hpp"

#include <string>

namespace callcache
{

// `began` was the state when this run began, `running` ago.
std::string progress_text(const warm_state& began, const warm_state& now, duration running);

// The same, with a bar before it.
std::string progress_bar(const warm_state& began, const warm_state& now, duration running);

}  // namespace callcache
