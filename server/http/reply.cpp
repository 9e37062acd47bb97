#include "server/http/reply.hpp"

#include "server/http/head_guard.hpp"
#include "server/http/via.hpp"
#include "server/text/escape.hpp"

#include <algorithm>
#include <atomic>
#include <cstdio>

namespace callcache
{
namespace
{

std::string_view reason(unsigned status)
{
    switch (status)
    {
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 417: return "Expectation Failed";
    case 421: return "Misdirected Request";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    default: return "";  // the reason phrase may be empty (RFC 9112, section 4)
    }
}

// What follows own_body_begins(): together they are unlikely to meet another's, and the vendor's look alike.
std::string next_number()
{
    static std::atomic<std::uint64_t> count{0};
    char text[24];
    std::snprintf(text, sizeof text, "%06llx", static_cast<unsigned long long>(++count));
    return text;
}

// Written into its place: printf's formatting took a tenth of a hit, and piece by piece it was still a twentieth.
void write_date(text_writer& out, wall_time t)
{
    constexpr std::string_view days = "SunMonTueWedThuFriSat", months = "JanFebMarAprMayJunJulAugSepOctNovDec";
    auto day = std::chrono::floor<std::chrono::days>(t);
    std::chrono::year_month_day date(day);
    std::chrono::hh_mm_ss time(std::chrono::floor<std::chrono::seconds>(t - day));
    char text[] = "Day, 00 Mon 0000 00:00:00 GMT";
    auto three = [&](std::size_t at, std::string_view names, unsigned n) {
        names.copy(text + at, 3, std::size_t(3) * n);
    };
    auto two = [&](std::size_t at, unsigned n) {
        text[at] = char('0' + n / 10 % 10);
        text[at + 1] = char('0' + n % 10);
    };
    three(0, days, std::chrono::weekday(day).c_encoding());
    two(5, unsigned(date.day()));
    three(8, months, unsigned(date.month()) - 1);
    two(12, unsigned(int(date.year()) / 100));
    two(14, unsigned(int(date.year()) % 100));
    two(17, unsigned(time.hours().count()));
    two(20, unsigned(time.minutes().count()));
    two(23, unsigned(time.seconds().count()));
    out << std::string_view(text, sizeof text - 1);
}

}  // namespace

const std::string* reply::find(std::string_view lower_name) const
{
    for (const field& f : fields)
        if (equals_lower(f.first, lower_name)) return &f.second;
    return nullptr;
}

reply_writer::reply_writer(std::string& out, unsigned status) : out_(out), status_(status)
{
    if (status == 200)
        out_ << "HTTP/1.1 200 OK\r\n";
    else
        out_ << "HTTP/1.1 " << std::int64_t(status) << " " << reason(status) << "\r\n";
}

void reply_writer::field(std::string_view name, std::string_view value)
{
    out_ << name << ": " << value << "\r\n";
}

void reply_writer::field(std::string_view name, std::int64_t value)
{
    out_ << name << ": " << value << "\r\n";
}

void reply_writer::field(std::string_view name, wall_time value)
{
    out_ << name << ": ";
    write_date(out_, value);
    out_ << "\r\n";
}

void reply_writer::field(std::string_view name, const cache_status& value)
{
    out_ << name << ": " << value << "\r\n";
}

void outgoing::drop(std::size_t count)
{
    std::size_t of_text = std::min(count, text.size());
    text.erase(0, of_text);
    body.bytes.remove_prefix(count - of_text);
}

void outgoing::clear()
{
    text.clear();
    body = {};
}

void reply_writer::end(std::string_view body, const reply_mode& mode, bool close)
{
    if (end_head(body.size(), mode, close)) out_ << body;
}

bool reply_writer::end_head(std::size_t body_bytes, const reply_mode& mode, bool close)
{
    bool no_body = status_ == 204 || status_ == 304;
    if (!no_body) field("Content-Length", std::int64_t(body_bytes));
    if (!mode.keep_alive || close)
        out_ << "Connection: close\r\n";
    else if (mode.minor == 0)
        out_ << "Connection: keep-alive\r\n";
    out_ << "\r\n";
    return !no_body && !mode.head_only;
}

namespace
{

void write_fields(reply_writer& w, const reply& r, wall_time now)
{
    if (!r.find("date")) w.field("Date", now);
    for (const field& f : r.fields) w.field(f.first, f.second);
}

}  // namespace

void write_reply(std::string& out, const reply& r, const reply_mode& mode, wall_time now)
{
    reply_writer w(out, r.status);
    write_fields(w, r, now);
    w.end(r.body, mode, r.close);
}

void write_reply(outgoing& out, reply r, const reply_mode& mode, wall_time now)
{
    if (r.body.size() < outgoing::shared_body_min) return write_reply(out.text, r, mode, now);
    auto owner = std::make_shared<const std::string>(std::move(r.body));
    write_reply(out, r, {*owner, owner}, mode, now);
}

void write_reply(outgoing& out, const reply& r, const shared_bytes& body, const reply_mode& mode, wall_time now)
{
    reply_writer w(out.text, r.status);
    write_fields(w, r, now);
    end_reply(w, out, body.bytes, body.owner, mode, r.close);
}

std::string http_date(wall_time t)
{
    std::string text;
    {
        text_writer out(text);
        write_date(out, t);
    }
    return text;
}

std::string next_request_id()
{
    return own_body_begins().substr(std::string_view("{\"requestId\":\"").size()) + next_number();
}

reply own_answer(unsigned status, std::string_view text)
{
    reply r;
    r.status = status;
    r.fields.emplace_back("Content-Type", "application/json");
    r.body = own_body_begins() + next_number() + "\",\"errors\":[\"callcache: " + json_escaped(text) + "\"]}";
    return r;
}

reply unauthorized(std::string_view text, std::string_view realm)
{
    reply r = own_answer(401, text);
    r.fields.emplace_back("WWW-Authenticate", "Basic realm=\"" + std::string(realm) + "\"");
    return r;
}

}  // namespace callcache
