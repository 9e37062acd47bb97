// What a session does with a request: the tools' address and the operator's have one each.
#pragma once

#include "server/front/conversation.hpp"
#include "server/front/response_context.hpp"

#include <string_view>

namespace callcache
{

// Shared by the sessions of all fronts: every call may come from any of their threads.
class handler
{
public:
    virtual ~handler() = default;

    // Answers if that can be done at once, else returns false and leaves `out` as it was.
    virtual bool answer_now(response_context&) = 0;

    // Answers when the answer is known. Called after answer_now() returned false. The arguments outlive it.
    virtual task<void> answer(response_context&, conversation&) = 0;

    // Logs an exception that ended a connection. It is a mistake of ours.
    virtual void mistake(std::string_view what) = 0;

    // Logs trouble with the tool at this address.
    virtual void warn_of_tool(std::string_view /*text*/, std::string_view /*why*/, const std::string& /*address*/) {}

    // Answers a request that was refused while its head was read.
    virtual void refuse(const refused_head&, bool head_only, outgoing& out) = 0;
};

}  // namespace callcache
