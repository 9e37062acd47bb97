// What is malformed is refused and not repaired: two readers that repair in two ways see two different messages. Chunk
// extensions are dropped (RFC 9112, section 7.1.1), trailers are kept apart from the head (section 7.1.2).

#include "server/http/body_decoder.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

namespace callcache
{
namespace
{

constexpr std::size_t chunk_head_bytes_max = 1 << 10;
constexpr std::size_t trailer_bytes_max = 8 << 10;
constexpr std::size_t size_digits_max = 16;

}  // namespace

void body_decoder::settle()
{
    if (what_ == framing::kind::chunked) stage_ = stage::chunk_head;
    if (what_ == framing::kind::none || (what_ == framing::kind::length && left_ == 0)) stage_ = stage::done;
    if (what_ == framing::kind::until_close) left_ = UINT64_MAX;
}

body_decoder::piece body_decoder::refuse(std::string why)
{
    refused_ = std::move(why);
    return {};
}

body_decoder::piece body_decoder::take(std::string_view in)
{
    if (in.empty()) return {};
    switch (stage_)
    {
    case stage::content:
    {
        auto n = std::size_t(std::min<std::uint64_t>(left_, in.size()));
        if (what_ != framing::kind::until_close) left_ -= n;
        if (left_ == 0) stage_ = what_ == framing::kind::chunked ? stage::chunk_end : stage::done;
        return {n, in.substr(0, n)};
    }
    case stage::chunk_end:
        if (in[0] != '\r' || (in.size() > 1 && in[1] != '\n')) return refuse("a chunk is longer than its size");
        if (in.size() == 1) return {};
        stage_ = stage::chunk_head;
        return {2, {}};
    case stage::chunk_head:
    case stage::trailer: return line(in);
    case stage::done: return {};
    }
    return {};
}

body_decoder::piece body_decoder::line(std::string_view in)
{
    bool head = stage_ == stage::chunk_head;
    std::size_t most = head ? chunk_head_bytes_max : trailer_bytes_max - trailer_bytes_;
    std::size_t end = in.substr(0, most).find('\n');
    if (end == std::string_view::npos)
    {
        if (in.size() >= most)
            return refuse(head ? "the head of a chunk has no end" : "the trailers are larger than 8192 bytes");
        bool hopeless = std::any_of(in.begin(), in.end(),
                                    [](unsigned char c) { return (c < ' ' && c != '\t' && c != '\r') || c == 127; });
        if (hopeless || (head && in[0] != '\r' && !is_hex_digit(in[0]))) return refuse("a chunk is malformed");
        return {};
    }
    if (end == 0 || in[end - 1] != '\r') return refuse("a line within the body ends without CR LF");
    bool good = head ? chunk_head(in.substr(0, end - 1)) : trailer(in.substr(0, end - 1));
    if (!good) return refuse(head ? "the head of a chunk is malformed" : "a trailer is not `name: value`");
    return {end + 1, {}};
}

// chunk-size [ chunk-ext ] (RFC 9112, section 7.1): hexadecimal digits and nothing else before an extension.
bool body_decoder::chunk_head(std::string_view line)
{
    std::size_t digits = 0;
    while (digits < line.size() && is_hex_digit(line[digits])) ++digits;
    if (digits == 0 || digits > size_digits_max) return false;
    std::uint64_t size = 0;
    auto parsed = std::from_chars(line.data(), line.data() + digits, size, 16);
    if (parsed.ec != std::errc{} || size > std::uint64_t(INT64_MAX)) return false;
    std::string_view extension = line.substr(digits);
    if (!extension.empty())
    {
        std::size_t at = extension.find_first_not_of(" \t");
        if (at == std::string_view::npos || extension[at] != ';') return false;
        bool printable = std::all_of(extension.begin(), extension.end(),
                                     [](unsigned char c) { return c == '\t' || (c >= ' ' && c != 127); });
        if (!printable) return false;
    }
    left_ = size;
    stage_ = size == 0 ? stage::trailer : stage::content;
    return true;
}

bool body_decoder::trailer(std::string_view line)
{
    trailer_bytes_ += line.size() + 2;
    if (line.empty())
    {
        stage_ = stage::done;
        return true;
    }
    auto f = read_field_line(line);
    if (!f) return false;
    if (is_trailer_field(f->name)) trailers_.emplace_back(f->name, f->value);
    return true;
}

void write_chunk(std::string& out, std::string_view data)
{
    char size[24];
    int n = std::snprintf(size, sizeof size, "%zx\r\n", data.size());
    out.append(size, std::size_t(n)).append(data).append("\r\n");
}

void write_last_chunk(std::string& out, const std::vector<field>& trailers)
{
    out += "0\r\n";
    for (const field& f : trailers) out.append(f.first).append(": ").append(f.second).append("\r\n");
    out += "\r\n";
}

bool is_trailer_field(std::string_view name)
{
    constexpr std::array<std::string_view, 20> never{"authorization",
                                                     "cache-control",
                                                     "content-encoding",
                                                     "content-range",
                                                     "content-type",
                                                     "age",
                                                     "date",
                                                     "expect",
                                                     "expires",
                                                     "host",
                                                     "location",
                                                     "max-forwards",
                                                     "pragma",
                                                     "range",
                                                     "retry-after",
                                                     "set-cookie",
                                                     "te",
                                                     "vary",
                                                     "www-authenticate",
                                                     "cookie"};
    return !is_hop_by_hop(name, {}) &&
           std::none_of(never.begin(), never.end(), [&](std::string_view n) { return equals_lower(name, n); });
}

}  // namespace callcache
