#include "server/http/head_guard.hpp"

#include "config/address.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace callcache
{
namespace
{

constexpr std::size_t target_bytes_max = 8 << 10;

constexpr bool is_token_character(unsigned char c)
{
    constexpr std::string_view symbols = "!#$%&'*+-.^_`|~";
    return is_alphanumeric(c) || symbols.find(char(c)) != std::string_view::npos;
}

constexpr bool is_value_character(unsigned char c)
{
    return c == '\t' || (c >= ' ' && c != 127);
}

constexpr bool is_target_character(unsigned char c)
{
    return c > ' ' && c < 127 && c != '#';
}

// The characters of one kind, as a table: each byte of each head is looked up, and comparisons took a tenth of a hit.
class character_set
{
public:
    constexpr explicit character_set(bool (*holds)(unsigned char))
    {
        for (std::size_t c = 0; c < holds_.size(); ++c) holds_[c] = holds(static_cast<unsigned char>(c));
    }
    bool holds_all(std::string_view text) const
    {
        return std::all_of(text.begin(), text.end(), [this](unsigned char c) { return holds_[c]; });
    }

private:
    std::array<bool, 256> holds_{};
};

constexpr character_set token_characters(is_token_character), value_characters(is_value_character),
    target_characters(is_target_character);

bool is_token(std::string_view text)
{
    return !text.empty() && token_characters.holds_all(text);
}

// The second word of a line, as far as it has come.
std::string_view target_of(std::string_view line)
{
    std::size_t space = line.find(' ');
    if (space == std::string_view::npos) return {};
    line.remove_prefix(space + 1);
    return line.substr(0, line.find(' '));
}

// One of HTTP/1: what is later than 1.1 is read as that (RFC 9110, section 2.5).
bool is_version(std::string_view text)
{
    return text.size() == 8 && text.starts_with("HTTP/1.") && is_digit(text.back());
}

constexpr const char* no_status_line = "the status line is not one of HTTP/1.1";

// What is wrong with a line, or null.
const char* wrong_in_status_line(std::string_view line)
{
    bool good = line.size() >= 12 && is_version(line.substr(0, 8)) && line[8] == ' ' &&
                std::all_of(line.begin() + 9, line.begin() + 12, is_digit) && (line.size() == 12 || line[12] == ' ') &&
                value_characters.holds_all(line);
    return good ? nullptr : no_status_line;
}

const char* wrong_in_request_line(std::string_view line)
{
    std::size_t method_end = line.find(' '), version_at = line.rfind(' ');
    std::string_view method = line.substr(0, method_end);
    std::string_view version = version_at == std::string_view::npos ? "" : line.substr(version_at + 1);
    if (!is_token(method) || method_end == version_at || !is_version(version))
        return "the request line is not one of HTTP/1.1";
    bool good = is_good_target(line.substr(method_end + 1, version_at - method_end - 1));
    return good ? nullptr : "the target holds a character that must be percent-encoded";
}

const char* wrong_in_field_line(std::string_view line)
{
    return read_field_line(line) ? nullptr : "a line of the head is not `name: value`";
}

refused_head doubtful(std::string text)
{
    return {400, std::move(text)};
}

}  // namespace

bool has_element(std::string_view list, std::string_view name)
{
    auto same = [](char a, char b) { return lowered(a) == lowered(b); };
    while (!list.empty())
    {
        std::string_view element = trimmed(take_element(list));
        if (!element.empty() && std::equal(element.begin(), element.end(), name.begin(), name.end(), same)) return true;
    }
    return false;
}

head_scanner::progress head_scanner::refuse(unsigned status, std::string text)
{
    refused_ = {status, std::move(text)};
    return progress::refused;
}

head_scanner::progress head_scanner::scan(std::string_view bytes)
{
    for (;;)
    {
        std::size_t end = bytes.find('\n', std::max(at_, seen_));
        bool is_whole = end != std::string_view::npos;
        std::string_view line = bytes.substr(std::min(at_, bytes.size()), is_whole ? end - at_ : end);
        if (!is_whole)
        {
            seen_ = bytes.size();
            // A line that can no longer be good is refused before its end comes.
            if (std::any_of(line.begin(), line.end(),
                            [](unsigned char c) { return c < ' ' && c != '\t' && c != '\r'; }))
                return refuse(400, "a control character stands in the head");
            if (first_ && kind_ == head_kind::response && !std::string_view("HTTP/1.").starts_with(line.substr(0, 7)))
                return refuse(400, no_status_line);
        }
        if (first_ && target_of(line).size() > target_bytes_max)
            return refuse(414, "the target is longer than " + std::to_string(target_bytes_max) + " bytes");
        if ((is_whole ? end + 1 : bytes.size()) > bytes_max_)
            return refuse(431,
                          "the head is larger than " + std::to_string(bytes_max_) + " bytes (server.header_bytes_max)");
        if (!is_whole) return progress::incomplete;
        if (!line.ends_with('\r')) return refuse(400, "a line of the head ends without CR LF");
        line.remove_suffix(1);
        at_ = end + 1;
        bool first = std::exchange(first_, false);
        if (!first && line.empty()) return progress::complete;
        const char* wrong = !first                         ? wrong_in_field_line(line)
                            : kind_ == head_kind::response ? wrong_in_status_line(line)
                                                           : wrong_in_request_line(line);
        if (wrong) return refuse(400, wrong);
    }
}

bool is_good_target(std::string_view target)
{
    return !target.empty() && target.size() <= target_bytes_max && target_characters.holds_all(target);
}

std::optional<field_view> read_field_line(std::string_view line)
{
    std::size_t colon = line.find(':');
    bool good = colon != std::string_view::npos && is_token(line.substr(0, colon)) &&
                value_characters.holds_all(line.substr(colon));
    if (!good) return std::nullopt;
    return field_view{line.substr(0, colon), trimmed(line.substr(colon + 1))};
}

framing_or_refusal framing_of(std::span<const field_view> fields, int minor, unsigned status)
{
    const field_view *length = nullptr, *coding = nullptr;
    for (const field_view& f : fields)
    {
        bool is_length = equals_lower(f.name, "content-length"), is_coding = equals_lower(f.name, "transfer-encoding");
        if (is_length && length) return {{}, doubtful("Content-Length stands there twice")};
        if (is_coding && coding) return {{}, doubtful("Transfer-Encoding stands there twice")};
        if (is_length) length = &f;
        if (is_coding) coding = &f;
    }
    if (coding && length) return {{}, doubtful("Transfer-Encoding stands beside Content-Length")};
    if (coding && minor == 0) return {{}, doubtful("Transfer-Encoding is not of HTTP/1.0")};
    if (coding && !equals_lower(coding->value, "chunked")) return {{}, doubtful("Transfer-Encoding is not `chunked`")};
    if (status == 204 || status == 304 || (status >= 100 && status < 200))
    {
        if (coding) return {{}, doubtful("a " + std::to_string(status) + " has no body")};
        return {};
    }
    if (coding) return {{framing::kind::chunked, 0}, {}};
    if (!length) return {{status == 0 ? framing::kind::none : framing::kind::until_close, 0}, {}};
    std::uint64_t n = 0;
    const char* end = length->value.data() + length->value.size();
    auto parsed = std::from_chars(length->value.data(), end, n);
    if (length->value.empty() || !is_digit(length->value.front()) || parsed.ec != std::errc{} || parsed.ptr != end ||
        n > std::uint64_t(INT64_MAX))
        return {{}, doubtful("Content-Length is not a number")};
    return {{n == 0 && status == 0 ? framing::kind::none : framing::kind::length, n}, {}};
}

std::optional<refused_head> check_host(std::span<const field_view> fields, int minor)
{
    const field_view* host = nullptr;
    for (const field_view& f : fields)
    {
        if (!equals_lower(f.name, "host")) continue;
        if (host) return doubtful("Host stands there twice");
        host = &f;
    }
    if (!host && minor == 0) return std::nullopt;
    if (!host) return doubtful("there is no Host");
    if (!parse_authority(host->value)) return doubtful("Host is not host[:port]");
    return std::nullopt;
}

bool keeps_alive(const head_view& head)
{
    bool close = false, keep = head.minor >= 1;
    for (const field_view& f : head.fields)
    {
        if (!equals_lower(f.name, "connection")) continue;
        close = close || has_element(f.value, "close");
        keep = keep || has_element(f.value, "keep-alive");
    }
    return keep && !close;
}

bool is_hop_by_hop(std::string_view name, std::span<const field_view> all)
{
    constexpr std::array<std::string_view, 10> known{
        "connection", "keep-alive",        "proxy-connection", "proxy-authenticate", "proxy-authorization", "te",
        "trailer",    "transfer-encoding", "upgrade",          "content-length"};
    if (std::any_of(known.begin(), known.end(), [&](std::string_view k) { return equals_lower(name, k); })) return true;
    return std::any_of(all.begin(), all.end(), [&](const field_view& f) {
        return equals_lower(f.name, "connection") && has_element(f.value, name);
    });
}

}  // namespace callcache
