// gong-sim: the simulated vendor. The three call endpoints of Gong's API, with keys and scopes, strict limits, latency
// and failures; it counts everything, and a test can hold an answer back.
#pragma once

#include "server/async/clock.hpp"
#include "tests/sim/api.hpp"
#include "tests/sim/limits.hpp"

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace sim
{

using callcache::clock_source;
using callcache::executor;

struct vendor_options
{
    std::string listen_host = "127.0.0.1";
    std::uint16_t port = 0;                  // 0: any
    std::map<std::string, key_scopes> keys;  // by the value of the Authorization field
    sim::limits limits;
    std::chrono::milliseconds latency{0}, jitter{0};  // of every answer; the second up to so much more
    std::chrono::milliseconds way_jitter{0};          // up to so much until a request counts as arrived
    std::size_t stall_every = 0;                      // one of so many requests counts `stall` later; 0: none
    std::chrono::milliseconds stall{0};
    std::string tls_certificate, tls_key;  // PEM; empty: no TLS
    call_catalogue catalogue;
    std::chrono::seconds cursor_life{60 * 60};  // of a list, after its first page
    std::size_t transcript_bytes = 0;           // at least so many in each
};

// "Basic a2V5OnNlY3JldA=="
std::string basic(std::string_view key, std::string_view secret);

// What happens to the connection after a scripted answer's bytes.
enum class then
{
    keep,
    close,
    reset,
    hang,     // nothing more comes, and it stays open
    trickle,  // `again` every 20 ms, for ever
};

struct scripted
{
    std::string bytes;
    sim::then then = sim::then::keep;
    std::string again = " ";
    std::size_t piece = 0;     // so many of the bytes at once, and the next so many 20 ms later; 0: all of them
    bool before_body = false;  // the request's body is not read
};

// One loop's thread. What runs on the loop holds the state, so that the vendor may go first.
class vendor
{
public:
    vendor(executor, vendor_options, const clock_source&);
    ~vendor();  // stops

    std::uint16_t port() const;
    const call_catalogue& catalogue() const;
    std::string body(std::string_view id) const;  // the call object, as it is now

    // Holds the answers to lookups of the id, or to requests for the path, back until released.
    void hold(const std::string& id);
    void release(const std::string& id);

    // Every lookup of the id, or request for the path, is answered so, until it is called without a script. Empty:
    // every request.
    void script(const std::string& id, std::optional<scripted>);

    // Bytes that nobody has asked for: to every connection that waits for a request; to each as it is accepted.
    void volunteer(const std::string& bytes);
    void greet(const std::string& bytes);

    // The call is changed, is gone, or is not there yet; a key is withdrawn, or may not read the call.
    void edit(const std::string& id);
    void remove(const std::string& id, bool removed = true);
    void forbid(const std::string& authorization, const std::string& id, bool forbidden = true);
    // What is asked for it, alone or with others, is answered with this status, in the vendor's shape; 0: no more.
    void fail(const std::string& id, unsigned status);
    void withdraw(const std::string& authorization);
    void allow(const std::string& authorization, key_scopes = {});

    // The transcript is there, is empty, or is not there yet.
    enum class transcript_is
    {
        there,
        empty,
        late,
    };
    void transcribe(const std::string& id, transcript_is);
    std::string transcript(const std::string& id) const;  // the element, as it is now
    void page(std::size_t elements);                      // at most so many in an answer to a read by ids
    void gzip();                                          // what is read, from now on, for who accepts it

    // Nothing is accepted, and what is open is cut.
    void go_down();
    void come_up();

    // Cuts the connections that wait for a request, as a server does after a while.
    void close_idle();

    std::size_t requests() const;                           // all that were read, whatever the answer
    std::size_t requests(const std::string& id) const;      // lookups of it
    std::size_t refused() const;                            // 429s
    std::size_t connections() const;                        // accepted so far
    const std::vector<std::string>& heads() const;          // of every request, as it came
    const std::vector<std::string>& bodies() const;         // likewise, the first 64 KiB of each
    const std::vector<std::string>& framed_bodies() const;  // the first 256 KiB, with chunk sizes and trailers
    const std::vector<std::size_t>& came_on() const;        // the number of each request's connection

    struct state;

private:
    std::shared_ptr<state> state_;
};

}  // namespace sim
