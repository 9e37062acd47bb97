#include "config/reload.hpp"

#include "config/keys.hpp"

#include <algorithm>

namespace callcache
{
namespace
{

// A key, or a section with its dot.
constexpr std::string_view built_once[] = {
    "server.listen",
    "server.admin",
    "server.admin_token_file",
    "server.threads",
    "server.tls_certificate_file",
    "server.tls_key_file",
    "upstream.url",
    "upstream.insecure",
    "upstream.ca_file",
    "upstream.proxy",
    "upstream.connections_max",
    "credentials.",
    "cache.path",
    "cache.memory_max",
    "cache.disk_max",
    "cache.calls.keep_max",
    "budget.day",
    "budget.path",
    "bulk.ids_max",
    "alerts.",
    "mode",
    "log.format",
};

}  // namespace

bool needs_restart(std::string_view path)
{
    if (path == "credentials.trust") return false;
    return std::any_of(std::begin(built_once), std::end(built_once),
                       [&](std::string_view one) { return one.ends_with('.') ? path.starts_with(one) : path == one; });
}

reloaded reload(const settings& now, const loaded_settings& next)
{
    reloaded r{now, {}, {}, next.problems};
    if (!r.problems.empty()) return r;
    for (const config_key& key : config_keys())
    {
        std::string before = key.show(now), after = key.show(next.values);
        if (before == after) continue;
        if (needs_restart(key.path))
            r.needs_restart.emplace_back(key.path);
        else if (key.set(r.values, {raw_value::kind::text, after}))
            r.changed.push_back(std::string(key.path) + ": " + before + " → " + after);
        else
            r.problems.push_back(std::string(key.path) + ": cannot be changed to " + after);
    }
    // What stays as it was may contradict what has changed.
    std::string stays;
    for (const std::string& key : r.needs_restart) stays += (stays.empty() ? "" : ", ") + key;
    for (config_problem& p : contradictions(r.values))
        r.problems.push_back(std::move(p) + (stays.empty() ? "" : " (what stays until a restart: " + stays + ")"));
    if (!r.problems.empty()) return {now, {}, {}, std::move(r.problems)};
    return r;
}

}  // namespace callcache
