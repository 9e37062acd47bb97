// The body of a forwarded request: a short one is held, so that it can be sent again; a longer one streams.
#pragma once

#include "server/fetch/relay_channel.hpp"
#include "server/front/relay.hpp"
#include "server/front/watchdog.hpp"

namespace callcache
{

// What a tool is told whose body is larger than server.request_body_max.
refused_head body_too_large(const settings&);

// What is read of a body before the request's turn comes, or before it is known what it asks for.
struct held_body
{
    byte_share room;
    std::string bytes;
    bool is_whole = false;
    std::optional<refused_head> refused;
};
inline constexpr std::size_t held_body_max = 64 << 10;
task<held_body> hold_body(conversation&, const framing&, byte_bound& held_bodies);

// The request's head and what is held of its body, as the vendor gets them.
std::string forwarded_message(const relayed_request&, std::string_view authorization, const held_body&);

// Writes a long body while the answer is waited for. Held by its own coroutine; its owner stops it and waits for its
// end.
struct upload : std::enable_shared_from_this<upload>
{
    upload(const relayed_request& relayed, relay_channel_ptr channel, transport& connection,
           std::shared_ptr<watchdog> watching, executor ex) :
        r(relayed),
        c(std::move(channel)),
        to(connection),
        dog(std::move(watching)),
        ended(ex)
    {}

    const relayed_request& r;
    relay_channel_ptr c;
    transport& to;
    std::shared_ptr<watchdog> dog;
    mailbox<bool> ended;
    std::string out;  // held, or read, and not yet written
    std::uint64_t size = 0;
    bool stopped = false, is_written = false;
    std::optional<refused_head> refused;  // the tool's end of it is not good

    static task<void> run(std::shared_ptr<upload>);
    task<void> stop();

private:
    void take(std::string_view data);
    task<bool> flush();
    task<bool> write_all();
};

}  // namespace callcache
