// What a request's target asks for.
#pragma once

#include "cache/call_answer.hpp"
#include "cache/call_view.hpp"
#include "config/settings.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace callcache
{

enum class route
{
    lookup,      // GET or HEAD /v2/calls/{id}
    kept,        // GET or HEAD of one of cache.routes
    read,        // a POST that may read calls by their ids
    bad_id,      // where a call id should stand is something that cannot be one: 400
    bad_target,  // not a target that may be handed on: 400
    elsewhere,   // a path that is none of Gong's, which would only cost a call of the day: 404
    pass,        // anything else of the vendor's API
};

struct routed
{
    route what = route::pass;
    std::string_view tool;    // from /@tool, or empty
    std::string_view target;  // without the prefix; what the vendor would see
    std::string_view name;    // what it is kept as: the call id, or the target; of a bad_id what stands in its place
    const route_settings* kept_by = nullptr;
    call_view view = call_view::call;  // of a read
};

// `target` is in origin form, or the asterisk of OPTIONS (RFC 9112, section 3.2), and must outlive the result, as must
// `routes`, which are cache.routes.
routed route_target(std::string_view target, bool is_get_or_head, const std::vector<route_settings>& routes);

// What a tool is told whose request goes `elsewhere`: the base URL that it should have. `base`: callcache's own as the
// tool reached it, "http://localhost:4664".
std::string right_base_url(const routed&, const std::string& base);

// The view that a request reads, if its body says that it is a read of calls by their ids.
std::optional<call_view> view_read_by(std::string_view method, std::string_view target);

// What a request that passes through brings, if that is calls: each of them can be kept.
std::optional<bulk_kind> calls_brought_by(std::string_view method, std::string_view target);

}  // namespace callcache
