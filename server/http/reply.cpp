#include "server/http/reply.hpp"

#include "server/http/head_guard.hpp"
#include "server/visible.hpp"

#include <atomic>
#include <cstdio>
#include <random>

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

// Unique within the process, and unlikely to meet another's: the vendor's request ids look alike.
std::string next_request_id()
{
    static const std::uint64_t start = std::random_device()();
    static std::atomic<std::uint64_t> count{0};
    char text[40];
    std::snprintf(text, sizeof text, "cc-%08llx%06llx", static_cast<unsigned long long>(start),
                  static_cast<unsigned long long>(++count));
    return text;
}

}  // namespace

const std::string* reply::find(std::string_view lower_name) const
{
    for (const field& f : fields)
        if (equals_lower(f.first, lower_name)) return &f.second;
    return nullptr;
}

std::string http_date(wall_time t)
{
    constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    auto day = std::chrono::floor<std::chrono::days>(t);
    std::chrono::year_month_day date(day);
    std::chrono::hh_mm_ss time(std::chrono::floor<std::chrono::seconds>(t - day));
    char text[40];
    std::snprintf(text, sizeof text, "%s, %02u %s %04d %02d:%02d:%02d GMT",
                  days[std::chrono::weekday(day).c_encoding()], unsigned(date.day()),
                  months[unsigned(date.month()) - 1], int(date.year()), int(time.hours().count()),
                  int(time.minutes().count()), int(time.seconds().count()));
    return text;
}

void write_reply(std::string& out, const reply& r, const reply_mode& mode, wall_time now)
{
    bool no_body = r.status == 204 || r.status == 304;
    out += "HTTP/1.1 " + std::to_string(r.status) + " ";
    out += reason(r.status);
    out += "\r\n";
    if (!r.find("date")) out += "Date: " + http_date(now) + "\r\n";
    for (const field& f : r.fields) out.append(f.first).append(": ").append(f.second).append("\r\n");
    if (!no_body) out += "Content-Length: " + std::to_string(r.body.size()) + "\r\n";
    if (!mode.keep_alive || r.close)
        out += "Connection: close\r\n";
    else if (mode.minor == 0)
        out += "Connection: keep-alive\r\n";
    out += "\r\n";
    if (!no_body && !mode.head_only) out += r.body;
}

reply own_answer(unsigned status, std::string_view text)
{
    reply r;
    r.status = status;
    r.fields.emplace_back("Content-Type", "application/json");
    r.body = "{\"requestId\":\"" + next_request_id() + "\",\"errors\":[\"callcache: " + json_escaped(text) + "\"]}";
    return r;
}

reply unauthorized(std::string_view text, std::string_view realm)
{
    reply r = own_answer(401, text);
    r.fields.emplace_back("WWW-Authenticate", "Basic realm=\"" + std::string(realm) + "\"");
    return r;
}

}  // namespace callcache
