// The calls of list and bulk answers. Each of them lies within the answer, is a call of its own wherever it stands, and
// says there what it said here.

#include "cache/call_answer.hpp"
#include "cache/call_id.hpp"
#include "tests/fuzz/targets.hpp"

#include <rapidjson/document.h>

#include <algorithm>
#include <set>

namespace callcache::fuzz
{
namespace
{

// Found in another way: how many elements of `calls`, in any form, hold this id.
std::size_t holders(const rapidjson::Document& d, bulk_kind kind, const std::string& id)
{
    std::size_t count = 0;
    for (const auto& element : d["calls"].GetArray())
    {
        if (!element.IsObject()) continue;
        const auto* call = &element;
        if (kind == bulk_kind::extensive)
        {
            auto found = element.FindMember("metaData");
            if (found == element.MemberEnd() || !found->value.IsObject()) continue;
            call = &found->value;
        }
        auto found = call->FindMember("id");
        if (found == call->MemberEnd() || !found->value.IsString()) continue;
        if (std::string_view(found->value.GetString(), found->value.GetStringLength()) == id) ++count;
    }
    return count;
}

void check_calls(std::string_view body, bulk_kind kind)
{
    auto answer = read_bulk_answer(body, kind);
    if (!answer) return;
    rapidjson::Document d;
    d.Parse<rapidjson::kParseIterativeFlag>(body.data(), body.size());
    const bool is_odd_json = d.HasParseError() && is_odd(d.GetParseError());
    always(is_odd_json || is_json_object(body), "what is understood is one JSON object");
    always(answer->request_id.size() >= 2 && answer->request_id.size() <= request_id_bytes_max,
           "a requestId is a token");
    std::set<std::string> ids;
    for (const call_answer& c : answer->calls)
    {
        always(is_call_id(c.id) && ids.insert(c.id).second, "each call has an id of its own");
        always(c.call.data() >= body.data() && c.call.data() + c.call.size() <= body.data() + body.size(),
               "a call lies within the answer");
        always(is_odd_json || is_json_object(c.call), "a call's bytes are one JSON object");
        always(is_odd_json || holders(d, kind, c.id) == 1, "another reader finds the same call, once");
        std::string alone = body_of_one(answer->request_id, c.call);
        auto again = read_call_answer(alone);
        always(again && again->call == c.call && again->id == c.id && again->started == c.started &&
                   again->is_private == c.is_private,
               "a call says the same wherever it stands");
    }
}

void check_transcripts(std::string_view body)
{
    auto answer = read_bulk_answer(body, bulk_kind::transcripts);
    if (!answer) return;
    rapidjson::Document d;
    d.Parse<rapidjson::kParseIterativeFlag>(body.data(), body.size());
    const bool is_odd_json = d.HasParseError() && is_odd(d.GetParseError());
    if (is_odd_json) return;
    always(is_json_object(body), "what is understood is one JSON object");
    std::size_t least = std::max(answer->unnamed, answer->not_understood.size()) + answer->calls.size();
    std::size_t most = answer->unnamed + answer->not_understood.size() + answer->calls.size();
    auto list = d.FindMember("callTranscripts");
    bool has_list = list != d.MemberEnd() && list->value.IsArray();
    always(has_list == answer->has_calls, "the list is found");
    always(!has_list || answer->has_repeated_id || (least <= list->value.Size() && list->value.Size() <= most),
           "each element is accounted for");
    for (const call_answer& c : answer->calls)
    {
        rapidjson::Document one;
        one.Parse<rapidjson::kParseIterativeFlag>(c.element.data(), c.element.size());
        always(is_json_object(c.element) && one["callId"].IsString() && c.id == one["callId"].GetString(),
               "an element is an object of its own that says its call");
    }
}

}  // namespace

void slicer(std::string_view bytes)
{
    exactly body(bytes);
    check_calls(body.view(), bulk_kind::list);
    check_calls(body.view(), bulk_kind::extensive);
    check_transcripts(body.view());
}

}  // namespace callcache::fuzz
