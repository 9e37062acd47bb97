#include "server/telemetry/recent_errors.hpp"

#include "server/text/escape.hpp"

#include <algorithm>

namespace callcache
{

void recent_errors::note(std::string_view what, std::string_view details, wall_time now)
{
    what = what.substr(0, text_max);
    auto known =
        std::find_if(latest_first_.begin(), latest_first_.end(), [&](const kept& k) { return k.what == what; });
    if (known != latest_first_.end())
        latest_first_.splice(latest_first_.begin(), latest_first_, known);
    else
        latest_first_.push_front({std::string(what), {}});
    if (latest_first_.size() > kept_max) latest_first_.pop_back();
    recent_error& e = latest_first_.front().shown;
    e.text = harmless((std::string(what) + (details.empty() ? "" : ": ") + std::string(details)).substr(0, text_max));
    ++e.count;
    e.last = now;
}

std::vector<recent_error> recent_errors::list() const
{
    std::vector<recent_error> all;
    for (const kept& k : latest_first_) all.push_back(k.shown);
    return all;
}

}  // namespace callcache
