// The body of a request that is too long to be held: it streams from the tool to the vendor.
#pragma once

#include "server/front/relay.hpp"
#include "server/front/watchdog.hpp"

namespace callcache
{

refused_head too_large(const settings&);

// Writes a long body while the answer is waited for. Held by its own coroutine; its owner stops it and waits for its
// end.
struct upload : std::enable_shared_from_this<upload>
{
    upload(const passing& passing, relay_ptr relay, transport& connection, std::shared_ptr<watchdog> watching,
           executor ex) :
        p(passing),
        c(std::move(relay)),
        to(connection),
        dog(std::move(watching)),
        ended(ex)
    {}

    const passing& p;
    relay_ptr c;
    transport& to;
    std::shared_ptr<watchdog> dog;
    mailbox<bool> ended;
    std::string out;  // held, or read, and not yet written
    std::uint64_t size = 0;
    bool stopped = false;
    std::optional<refused_head> refused;  // the tool's end of it is not good

    static task<void> run(std::shared_ptr<upload>);
    task<void> stop();

private:
    bool is_chunked() const { return p.asked.body.what == framing::kind::chunked; }
    void take(std::string_view data);
    task<bool> flush();
    task<bool> write_all();
};

}  // namespace callcache
