// A configuration, from wherever it came. What is accepted can be shown, and what is shown is accepted again, the same;
// what is refused is told in lines that a terminal can show.

#include "config/keys.hpp"
#include "config/load.hpp"
#include "tests/fuzz/targets.hpp"

#include <algorithm>

namespace callcache::fuzz
{
namespace
{

config_sources sources_of(std::string_view text)
{
    constexpr std::string_view line = "\n----\n";
    std::size_t end = text.find(line);
    config_sources s{"the file", std::string(text.substr(0, end)), {}, {}};
    if (end == std::string_view::npos) return s;
    text.remove_prefix(end + line.size());
    while (!text.empty())
    {
        std::string_view one = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(one.size() + 1, text.size()));
        std::size_t equals = std::min(one.find('='), one.size());
        if (one.starts_with("CALLCACHE_"))
            s.environment.emplace_back(one.substr(0, equals), one.substr(std::min(equals + 1, one.size())));
        else
            s.assignments.emplace_back(one);
    }
    return s;
}

}  // namespace

void config(std::string_view text)
{
    loaded_settings loaded = load_settings(sources_of(text));
    for (const config_problem& p : loaded.problems) always(!has_control_character(p), "a problem is a line of text");
    if (!loaded.problems.empty()) return;
    settings again;
    for (const config_key& k : config_keys())
    {
        std::string shown = k.show(loaded.values);
        if (k.secret) continue;
        always(k.set(again, {raw_value::kind::text, shown}), "what is shown is accepted");
        always(k.show(again) == shown, "what is shown is what is meant");
    }
}

}  // namespace callcache::fuzz
