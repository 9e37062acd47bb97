// Tables of malformed and hostile requests: what comes back, what becomes of the connection, what the vendor sees.
#pragma once

#include "tests/support/harness.hpp"

namespace callcache::test
{

// They stand in a row's bytes, and in what reached the vendor, for the ids of calls that nobody has asked for yet. As
// long as these, so that a length that was counted stays right.
inline const std::string first = "{the-first-call-id}";
inline const std::string other = "{the-other-call-id}";
inline const std::string hidden = "{the-hidden-callid}";

enum class connection
{
    closed,   // after the last answer, which says so
    goes_on,  // another request on it is answered
};

struct hostile
{
    std::string name;
    std::string bytes;
    std::vector<unsigned> statuses;         // of all the answers, in order; 0: the vendor's, of what passes through
    connection after = connection::closed;  // the last of them
    // What the vendor saw, in order, and nothing else: the ids of lookups, and of what passed through "METHOD target",
    // perhaps with a line of the framing, or, with a line end behind it, of the fields.
    std::vector<std::string> reached;
    std::size_t heads = 0;                   // so many of the first requests are HEAD
    std::string credential = authorization;  // that the vendor saw
    std::string via = "";                    // that the vendor saw before callcache's own
};

// Refused before it was understood: the connection ends, and nothing behind it is read.
hostile refused(std::string name, std::string bytes, unsigned status = 400);

// Understood and answered by callcache itself: the connection goes on.
hostile own(std::string name, std::string bytes, unsigned status);

// Odd but legal: the vendor is asked for `first`.
hostile served(std::string name, std::string bytes, connection = connection::goes_on);

// Handed on: what the vendor sees is "METHOD target", and so on.
hostile passed(std::string name, std::string bytes, std::string reached);

// A request line, a good Host, a good Authorization, further lines without the last line's end, and a body.
std::string request(const std::string& line, const std::string& further = "", const std::string& body = "");

// The same with these lines alone.
std::string bare(const std::string& line, const std::string& lines, const std::string& body = "");

// A lookup of `first`; of another one.
std::string lookup(const std::string& further = "", const std::string& body = "");
std::string lookup_of(const std::string& id);

std::string get(const std::string& target);
std::string post(const std::string& further, const std::string& body = "");

// "Content-Length: N", that of the body.
std::string length_of(const std::string& body);

// Sends each row twice, in one piece and in two, on connections of its own; after each a good request on a fresh one is
// answered.
void check_all(harness&, const std::vector<hostile>&);

}  // namespace callcache::test
