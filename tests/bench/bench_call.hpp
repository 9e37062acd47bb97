// The calls that are measured with: ids as far apart as the vendor's, all bodies of one length.
#pragma once

#include <cstdint>
#include <string>

namespace callcache::bench
{

inline constexpr std::size_t body_bytes = 640;

// Different for each n, 19 digits, in no order. peers.py has the same.
inline std::string id_of(std::uint64_t n)
{
    return std::to_string(1'000'000'000'000'000'000u + ((n * 0x9e3779b97f4a7c15u) >> 4));
}

inline std::string body_of(std::string_view id)
{
    std::string body = R"({"requestId":"bench","call":{"id":")";
    body.append(id).append(R"(","title":")");
    constexpr std::string_view end = R"("}})";
    if (body.size() + end.size() < body_bytes) body.append(body_bytes - body.size() - end.size(), 'x');
    return body.append(end);
}

}  // namespace callcache::bench
