// What a session does with a request: the tools' address and the operator's have one each.
#pragma once

#include "cache/partition.hpp"
#include "server/async/net.hpp"
#include "server/http/reply.hpp"
#include "server/http/request.hpp"
#include "server/secrets/clients.hpp"
#include "server/secrets/identity.hpp"
#include "server/telemetry/request_counts.hpp"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace callcache
{

// Where a connection's requests are counted, and what must be unchanged for that to be so.
struct remembered_row
{
    request_counts::row* row = nullptr;
    std::string route, named, user_agent;
    std::string tool;  // as it is called in the log
};

// The credential that a connection last sent, so that an unchanged field is not hashed again.
struct remembered_credential
{
    std::string authorization;  // for upstream
    identity who;
    partition_ptr whose;
    std::map<const route_settings*, partition_ptr> routes;  // of each kept route that was asked for

    // `inject` with named tools: the token that was shown, the list that it was looked up in, and whose it is; empty:
    // nobody's.
    std::string shown;
    std::shared_ptr<const client_list> looked_up_in;
    std::string client;

    remembered_row counted;  // of this credential and client
};

// The next of a request's body, good until the next one is read; empty at its end, and where nothing more will come:
// it is malformed or too slow, and this is what to answer, or the tool has gone (status 0).
struct body_piece
{
    std::string_view data;
    std::optional<refused_head> refused;
};

// The tool's end of a request whose answer takes its time. Front loop only; one read and one write at a time.
class conversation
{
public:
    // From now on `left` is called, at most once, when the tool has hung up; it may have closed its own side alone.
    // Null: nobody is.
    virtual void notice_end(std::function<void()> left) = 0;

    // What is not read here is not read at all, or thrown away. Says 100 (Continue) to a tool that waits for that.
    virtual task<body_piece> read_body() = 0;

    // Ends a read_body() that waits: it says that the tool has gone.
    virtual void stop_reading() = 0;

    // All of the body has been read: what comes next is the next request.
    virtual bool is_body_read() const = 0;
    virtual const std::vector<field>& trailers() const = 0;

    // Writes what is in `out`, which is empty afterwards. False if the tool takes nothing any more.
    virtual task<bool> write(std::string& out) = 0;

    // Ends the connection at once, so that an answer which broke off cannot be taken for a whole one.
    virtual void break_off() = 0;

protected:
    ~conversation() = default;
};

// Shared by the sessions of all fronts: every call may come from any of their threads.
class handler
{
public:
    virtual ~handler() = default;

    // Appends the answer to `out` if it can be given at once, else returns false and leaves `out` as it was.
    virtual bool answer_now(const request&, const reply_mode&, remembered_credential&, std::string& out) = 0;

    // Appends the answer, or its end, to `out`, when it is known. Called after answer_now() returned false. The
    // arguments outlive it. `keep_alive` may be taken back by whoever has not yet written it.
    virtual task<void> answer(const request&, reply_mode&, remembered_credential&, conversation&, std::string& out) = 0;

    // An exception ended a connection: a mistake of ours, for the log.
    virtual void mistake(std::string_view what) = 0;

    // A request that was refused before it was understood.
    virtual void refuse(const refused_head&, bool head_only, std::string& out) = 0;
};

}  // namespace callcache
