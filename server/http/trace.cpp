#include "server/http/trace.hpp"

#include <algorithm>

namespace callcache
{
namespace
{

constexpr std::size_t traceparent_size = 55;  // "00-" trace-id of 32 "-" parent-id of 16 "-" flags of 2
constexpr std::size_t request_id_max = 64;

bool is_lower_hex(std::string_view text)
{
    return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool is_zero(std::string_view text)
{
    return text.find_first_not_of('0') == std::string_view::npos;
}

bool is_traceparent(std::string_view t)
{
    if (t.size() != traceparent_size || t[2] != '-' || t[35] != '-' || t[52] != '-') return false;
    std::string_view version = t.substr(0, 2), trace = t.substr(3, 32), parent = t.substr(36, 16), flags = t.substr(53);
    return is_lower_hex(version) && version != "ff" && is_lower_hex(trace) && !is_zero(trace) && is_lower_hex(parent) &&
           !is_zero(parent) && is_lower_hex(flags);
}

}  // namespace

std::string_view traceparent_of(std::span<const field_view> fields)
{
    std::string_view found;
    for (const field_view& f : fields)
    {
        if (!equals_lower(f.name, "traceparent")) continue;
        if (!found.empty() || !is_traceparent(f.value)) return {};
        found = f.value;
    }
    return found;
}

std::string_view request_id_in(std::string_view body)
{
    constexpr std::string_view before = "\"requestId\":\"";
    std::size_t at = body.substr(0, 200).find(before);
    if (at == std::string_view::npos) return {};
    std::string_view id = body.substr(at + before.size(), request_id_max + 1);
    std::size_t end = id.find('"');
    if (end == std::string_view::npos) return {};
    id = id.substr(0, end);
    bool is_plain =
        std::all_of(id.begin(), id.end(), [](char c) { return is_alphanumeric(c) || c == '-' || c == '_'; });
    return is_plain ? id : std::string_view();
}

}  // namespace callcache
