// The value of cache.routes, as JSON, and which paths a route is of.
#pragma once

#include "config/settings.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace callcache
{

// [{"path": "/v2/users/{id}", "fresh": "1h", "override": true}]; `override` may be left out. Nothing if it is not of
// that form, or two routes have the same path.
std::optional<std::vector<route_settings>> read_routes(std::string_view json);

// Names the entry, from 1 on, and the member that read_routes() refuses; empty if it is none of these.
std::string wrong_in_routes(std::string_view json);

// What read_routes() reads as the same.
std::string show_routes(const std::vector<route_settings>&);

// "v2": what the path of an API of Gong's begins with.
bool is_version(std::string_view segment);

// The operator's line about a route that no request is of, or that stands for what is kept anyway; nullopt if there is
// none.
std::optional<std::string> useless_route(const std::vector<route_settings>&);

// True if `path`, which has no query, is one of the pattern's: `{name}` is one segment that is not empty, `**` at the
// end the rest, which is not empty either.
bool is_path_of(std::string_view pattern, std::string_view path);

// The segment at the beginning of `path`, behind one slash; taken away with it.
std::string_view take_segment(std::string_view& path);

}  // namespace callcache
