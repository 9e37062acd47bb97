// The bodies of reads of calls by their ids. What is sent in their place asks for the same calls on the same terms, and
// another reader finds the same ids.

#include "cache/asked_calls.hpp"
#include "cache/call_id.hpp"
#include "tests/fuzz/targets.hpp"

#include <rapidjson/document.h>

#include <algorithm>
#include <set>

namespace callcache::fuzz
{
namespace
{

std::string_view text_of(const rapidjson::Value& v)
{
    return {v.GetString(), v.GetStringLength()};
}

void check(call_view what, std::string_view body)
{
    auto asked = read_asked_calls(what, body);
    if (!asked) return;
    always(!asked->ids.empty() && asked->ids.size() <= asked_calls_max, "from 1 to 100 ids");
    for (const std::string& id : asked->ids) always(is_call_id(id), "an id is one");

    const std::string sent = body_of_read(asked->ids, asked->rest);
    auto again = read_asked_calls(what, sent);
    always(again && again->ids == asked->ids && again->rest == asked->rest && again->variant == asked->variant &&
               again->is_volatile == asked->is_volatile,
           "what is sent asks for the same");

    rapidjson::Document d;
    d.Parse<rapidjson::kParseIterativeFlag>(body.data(), body.size());
    if (d.HasParseError())
    {
        always(is_odd(d.GetParseError()), "what is understood is JSON");
        return;
    }
    std::set<std::string_view> ids;
    for (const auto& id : d["filter"]["callIds"].GetArray()) ids.insert(text_of(id));
    always(ids == std::set<std::string_view>(asked->ids.begin(), asked->ids.end()),
           "another reader finds the same ids");
    always(!d.HasMember("cursor") || d["cursor"].IsNull(), "there is no cursor");
}

}  // namespace

void asked(std::string_view bytes)
{
    exactly body(bytes);
    check(call_view::transcript, body.view());
    check(call_view::details, body.view());
}

}  // namespace callcache::fuzz
