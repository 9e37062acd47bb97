// What a session does with a request: the tools' address and the operator's have one each.
#pragma once

#include "cache/partition.hpp"
#include "server/clients.hpp"
#include "server/http/reply.hpp"
#include "server/http/request.hpp"
#include "server/net.hpp"

#include <functional>
#include <string>

namespace callcache
{

// The credential that a connection last sent, so that an unchanged field is not hashed again.
struct remembered_credential
{
    std::string authorization;  // for upstream
    partition_ptr whose;

    // `inject` with named tools: the token that was shown, the list that it was found in, and whose it is.
    std::string shown;
    std::shared_ptr<const client_list> known_to;
    std::string client;
};

// Whether the tool still listens while its answer is being made.
struct presence
{
    std::function<void()> left;  // called at most once, when it has hung up; it may have closed its own side alone
};

// Shared by the sessions of all fronts: every call may come from any of their threads.
class handler
{
public:
    virtual ~handler() = default;

    // Appends the answer to `out` if it can be given at once, else returns false and leaves `out` as it was.
    virtual bool answer_now(const request&, const reply_mode&, remembered_credential&, std::string& out) = 0;

    // Appends the answer to `out`, when it is known. Called after answer_now() returned false. The arguments outlive
    // it.
    virtual task<void> answer(const request&, const reply_mode&, remembered_credential&, presence&,
                              std::string& out) = 0;

    // An exception ended a connection: a mistake of ours, for the log.
    virtual void mistake(std::string_view what) = 0;

    // A request that was refused before it was understood.
    virtual void refuse(const refused_head&, std::string& out) = 0;
};

}  // namespace callcache
