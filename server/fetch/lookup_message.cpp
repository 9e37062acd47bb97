#include "server/fetch/lookup_message.hpp"

#include "cache/asked_calls.hpp"
#include "server/http/via.hpp"
#include "server/version.hpp"

namespace callcache
{
namespace
{

// With its asker's Via: where two callcaches ask each other, the first one knows its own name again.
std::string head_of(const std::string& line, const origin& upstream, const lookup& l, const char* coding = "identity")
{
    return line + " HTTP/1.1\r\nHost: " + upstream.authority() + "\r\nAuthorization: " + l.authorization +
           "\r\nAccept: application/json\r\nAccept-Encoding: " + coding + "\r\nUser-Agent: callcache/" + version +
           "\r\nVia: " + (l.via.empty() ? "" : l.via + ", ") + own_via() + "\r\n";
}

// Without a traceparent: it is for several, each with a trace of their own.
std::string with_body(const std::string& head, const std::string& body)
{
    return head + "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
           body;
}

}  // namespace

std::string lookup_message(const origin& upstream, const lookup& l)
{
    std::string head = head_of("GET " + (l.kept_by ? "" : std::string("/v2/calls/")) + l.id, upstream, l);
    if (!l.traceparent.empty()) head += "traceparent: " + l.traceparent + "\r\n";
    return head + "\r\n";
}

std::string bulk_message(const origin& upstream, const lookup& l, const std::vector<std::string>& ids)
{
    return with_body(head_of("POST /v2/calls/extensive", upstream, l), body_of_read(ids, ""));
}

// A hundred transcripts are 10 to 30 MB, and a tenth of that with gzip.
std::string read_message(const origin& upstream, const lookup& l, const std::vector<std::string>& ids)
{
    const std::string line = "POST " + std::string(path_of_reads(l.read->what));
    return with_body(head_of(line, upstream, l, "gzip"), body_of_read(ids, l.read->rest));
}

}  // namespace callcache
