// The views of a call: what one operation of the vendor's says of it. Each is kept per call, as the raw bytes of its
// element.
#pragma once

#include "cache/entry.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace callcache
{

enum class call_view
{
    call,        // GET /v2/calls/{id}, or a list's element
    transcript,  // an element of POST /v2/calls/transcript
    details,     // an element of POST /v2/calls/extensive, for one selector
};

// Of the reads of several calls by one POST: where, and as which member its answer holds the elements.
constexpr std::string_view path_of_reads(call_view v)
{
    return v == call_view::transcript ? "/v2/calls/transcript" : "/v2/calls/extensive";
}
constexpr std::string_view list_name_of(call_view v)
{
    return v == call_view::transcript ? "callTranscripts" : "calls";
}

// The name that tools, metrics and the operator's pages have for it.
constexpr std::string_view word_of(call_view v)
{
    return v == call_view::call ? "call" : v == call_view::transcript ? "transcript" : "details";
}

// What a view of a call is kept as: the id with a query. So a purge of the id drops all of its views (entry.hpp,
// path_of). `variant` is that of asked_calls: the view's word, and what else the answer depends on.
inline std::string kept_name_of(std::string_view id, std::string_view variant)
{
    return std::string(id) + "?" + std::string(variant);
}

// The view that a kept name is of; nullopt for a kept route, whose name is a path.
constexpr std::optional<call_view> view_of(std::string_view name)
{
    if (name.starts_with('/')) return std::nullopt;
    const std::size_t query = name.find('?');
    if (query == std::string_view::npos) return call_view::call;
    return name.substr(query + 1).starts_with("transcript") ? call_view::transcript : call_view::details;
}

// True of a view of a call but the call itself.
constexpr bool is_further_view(std::string_view name)
{
    return view_of(name).value_or(call_view::call) != call_view::call;
}

// Further views are long: one part in so many of memory, and of the disk, is never theirs.
inline constexpr std::size_t kept_from_views = 4;

}  // namespace callcache
