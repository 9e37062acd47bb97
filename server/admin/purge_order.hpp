// What POST /purge asks for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace callcache
{

struct purge_order
{
    bool all = false;
    std::vector<std::string> names;  // of calls by their ids, of kept routes by their paths; with any query
};

// From {"ids": ["7782342274025937895", "/v2/users/7"]} or {"all": true}, and nothing beside it; or what is wrong.
std::variant<purge_order, std::string> read_purge_order(std::string_view json);

// The same as such a body. REQUIRES: each name is_purgeable().
std::string purge_body(const purge_order&);

// What the operator is told once it is done. `kept`: the names of which something was kept, or 0, if known.
std::string purged_text(const purge_order&, std::optional<std::uint64_t> kept);

// True for a call's id, and for a path.
bool is_purgeable(std::string_view name);

}  // namespace callcache
