// The table of configuration keys: one row for each, from which the file, the environment, the flags, `callcache
// check`, the JSON schema and the example are all made.
#pragma once

#include "config/settings.hpp"

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace callcache
{

// A value as it was found, before anybody knows which key it belongs to.
struct raw_value
{
    enum class kind
    {
        text,    // from the environment or a flag: any type, in its text form
        string,  // the rest: from the JSON file
        number,
        boolean,
        list,     // of strings; `text` holds them joined by commas
        object,   // `text` holds it as JSON
        objects,  // a list of them, likewise
        other,    // null, or a list of something else
    };
    kind found = kind::text;
    std::string text;
};

enum class key_type
{
    string,
    list,
    integer,
    decimal,
    boolean,
    duration,
    size,
    percent,
    word,
    tools,
    routes,
    proxy,
};

struct config_key
{
    std::string_view path;     // "server.listen"
    std::string_view meaning;  // one sentence, for the schema and the example
    key_type type;
    std::string allowed;             // "a duration from 100ms to 1h"
    bool secret = false;             // from the environment alone, shown as (set) or (not set)
    std::vector<std::string> words;  // key_type::word, and further words of another type ("never", "off")

    // False if the value is of the wrong type or out of bounds; then `settings` is as it was.
    std::function<bool(settings&, const raw_value&)> set;

    // The value in its text form, as `set` would take it, but for a proxy's login.
    std::function<std::string(const settings&)> show;

    // Names the part of a refused value that is wrong; empty if it cannot. May be null.
    std::function<std::string(std::string_view text)> wrong_part = {};

    bool is_advanced = false;  // few operators need it: documents show it behind the others of its section
};

// In the order in which they are shown.
std::span<const config_key> config_keys();

// The key at `path`, or null.
const config_key* find_key(std::string_view path);

// The key that an operator most likely meant by `path`, or null if none is near.
const config_key* nearest_key(std::string_view path);

// The same among other names, such as flags; empty if none is near.
std::string nearest_name(std::string_view written, const std::vector<std::string>& names);

// A key that the command line sets by a flag of its own.
struct key_flag
{
    std::string_view flag, key, value;  // "--db", "cache.path", "FILE"
};
std::span<const key_flag> key_flags();

// "server.listen" → "CALLCACHE_SERVER_LISTEN"
std::string environment_name(std::string_view path);

}  // namespace callcache
