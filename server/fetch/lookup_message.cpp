#include "server/fetch/lookup_message.hpp"

#include "server/fetch/bulk_reads.hpp"
#include "server/http/via.hpp"
#include "server/version.hpp"

namespace callcache
{
namespace
{

// With its asker's Via: where two callcaches ask each other, the first one knows its own name again.
std::string head_of(const std::string& line, const origin& upstream, const lookup& l)
{
    return line + " HTTP/1.1\r\nHost: " + upstream.authority() + "\r\nAuthorization: " + l.authorization +
           "\r\nAccept: application/json\r\nAccept-Encoding: identity\r\nUser-Agent: callcache/" + version +
           "\r\nVia: " + (l.via.empty() ? "" : l.via + ", ") + own_via() + "\r\n";
}

}  // namespace

std::string lookup_message(const origin& upstream, const lookup& l)
{
    std::string head = head_of("GET " + (l.kept_by ? "" : std::string("/v2/calls/")) + l.id, upstream, l);
    if (!l.traceparent.empty()) head += "traceparent: " + l.traceparent + "\r\n";
    return head + "\r\n";
}

// Without a traceparent: it is for several, each with a trace of their own.
std::string bulk_message(const origin& upstream, const lookup& l, const std::vector<std::string>& ids)
{
    const std::string body = bulk_request(ids);
    return head_of("POST /v2/calls/extensive", upstream, l) +
           "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

}  // namespace callcache
