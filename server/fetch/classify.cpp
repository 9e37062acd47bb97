#include "server/fetch/classify.hpp"

#include "server/http/head_guard.hpp"
#include "server/upstream/content_coding.hpp"

#include <algorithm>
#include <initializer_list>

namespace callcache
{
namespace
{

std::string_view without_parameters(std::string_view type)
{
    return trimmed(type.substr(0, type.find(';')));
}

// application/json, application/problem+json, with or without parameters.
bool is_json_type(std::string_view type)
{
    type = without_parameters(type);
    return equals_lower(type, "application/json") ||
           (type.size() > 5 && equals_lower(type.substr(type.size() - 5), "+json"));
}

// A field that stands there several times is read in several ways: each of them must be JSON.
bool is_json(const upstream_answer& a)
{
    bool said = false;
    for (const field& f : a.fields)
    {
        if (!equals_lower(f.first, "content-type")) continue;
        if (!is_json_type(f.second)) return false;
        said = true;
    }
    return said;
}

// A page for people: a portal's or a gateway's, as no operation of the vendor's answers with one.
bool is_page(const upstream_answer& a)
{
    const std::string* type = a.find("content-type");
    return type && equals_lower(without_parameters(*type), "text/html");
}

// True if one of the members of a list field is `word`, with or without an argument (RFC 9110, section 5.6.1).
bool lists(const upstream_answer& a, std::string_view field_name, std::initializer_list<std::string_view> words)
{
    for (const field& f : a.fields)
    {
        if (!equals_lower(f.first, field_name)) continue;
        for (std::string_view rest = f.second; !rest.empty();)
        {
            std::string_view member = take_element(rest);
            member = trimmed(member.substr(0, member.find('=')));
            if (std::any_of(words.begin(), words.end(), [&](auto w) { return equals_lower(member, w); })) return true;
        }
    }
    return false;
}

classification nonsense(std::string why)
{
    return {meaning::nonsense, {}, std::move(why)};
}

classification classify_found(const upstream_answer& a, std::string_view id)
{
    const std::string* type = a.find("content-type");
    if (!is_json(a)) return nonsense("answered 200 with " + (type ? *type : "no content type") + " instead of JSON");
    if (is_coded(a)) return nonsense("answered in a content coding that was not asked for and is not understood");
    auto call = read_call_answer(a.body);
    if (!call) return nonsense("answered 200 with something that is not one call");
    if (call->id != id) return nonsense("answered with another call than the one asked for");
    return {meaning::found, std::move(*call), {}};
}

bool is_vendors_error(const upstream_answer& a)
{
    return is_json(a) && !is_coded(a) && is_vendor_error(a.body);
}

std::string not_vendors(const upstream_answer& a)
{
    return "answered " + std::to_string(a.status) +
           " in a shape that is not Gong's: something on the way answers in its place";
}

// Any status but 200.
classification classify_other(const upstream_answer& a)
{
    if (a.status == 401 && is_page(a)) return nonsense(not_vendors(a));
    if (a.status == 401) return {meaning::refused, {}, {}};
    if (a.status == 429 || a.status >= 500) return {meaning::failing, {}, {}};
    if (a.status == 403 || a.status == 404)
    {
        // Somebody else's on the way (a gateway, a firewall) says nothing about the call.
        if (!is_vendors_error(a)) return nonsense(not_vendors(a));
        return {a.status == 403 ? meaning::forbidden : meaning::not_found, {}, {}};
    }
    // Nothing was asked on a condition: a 304 says nothing about the call.
    if (a.status < 300 || a.status == 304) return nonsense("answered a GET with status " + std::to_string(a.status));
    return {meaning::handed_on, {}, {}};
}

}  // namespace

bulk_classification classify_bulk(const upstream_answer& a, bulk_kind kind)
{
    std::string status = "answered " + std::to_string(a.status);
    if (refuses_credential(a)) return {bulk_end::refused, {}, status};
    bool nobody_knows = a.status == 429 || (a.status >= 502 && a.status <= 504);
    if (nobody_knows) return {bulk_end::unknown, {}, status};
    if (a.status == 400 || a.status == 500) return {bulk_end::spoiled, {}, status};
    if (!is_json(a)) return {bulk_end::failed, {}, status + " with something else than JSON"};
    if (is_coded(a)) return {bulk_end::failed, {}, status + " in a content coding that is not understood"};
    if (a.status == 404 && is_vendor_error(a.body)) return {bulk_end::read, {}, {}, true};  // none of them is found
    if (a.status != 200) return {bulk_end::failed, {}, status};
    auto found = read_bulk_answer(a.body, kind);
    if (!found) return {bulk_end::failed, {}, "answered with something that is no list of calls"};
    bool has_calls = found->has_calls;
    return {bulk_end::read, std::move(*found), {}, has_calls};
}

read_classification classify_read(const upstream_result& r, call_view v, const std::vector<std::string>& ids,
                                  std::size_t bytes_max)
{
    using what = read_classification::what;
    auto doubt = [](std::string why) { return read_classification{what::in_doubt, {}, std::move(why)}; };
    if (auto* failure = std::get_if<upstream_failure>(&r))
        return {failure->what == upstream_failure::kind::too_large ? what::too_large : what::lost, {}, failure->text};
    const auto& a = std::get<upstream_answer>(r);
    if (is_gateway_error(a.status)) return {what::lost, {}, {}};
    if (a.status == 404 && is_vendors_error(a)) return {what::read, {}, {}};  // none of them is found
    if (a.status != 200) return {what::said_no, {}, {}};
    if (!is_json(a) || is_coded(a)) return doubt("it is not JSON");
    auto found =
        read_bulk_answer(a.body, v == call_view::transcript ? bulk_kind::transcripts : bulk_kind::extensive, bytes_max);
    if (!found || !found->has_calls) return doubt("it is not understood");
    if (found->has_repeated_id) return doubt("it holds a call twice");
    auto is_asked = [&](const std::string& id) { return std::find(ids.begin(), ids.end(), id) != ids.end(); };
    bool is_right =
        std::all_of(found->calls.begin(), found->calls.end(), [&](const call_answer& c) { return is_asked(c.id); }) &&
        std::all_of(found->not_understood.begin(), found->not_understood.end(), is_asked);
    if (!is_right) return doubt("it holds a call that was not asked for");
    return {what::read, std::move(*found), {}};
}

bool is_somebody_elses(const upstream_answer& a)
{
    return ((a.status == 200 || a.status == 401) && is_page(a)) ||
           ((a.status == 403 || a.status == 404) && !is_vendors_error(a));
}

bool refuses_credential(const upstream_answer& a)
{
    return (a.status == 401 || a.status == 403) && !is_somebody_elses(a);
}

bool is_no_to_one(const upstream_answer& a)
{
    return (a.status == 400 || a.status == 403 || a.status == 410 || a.status == 500) && is_vendors_error(a);
}

classification classify_route(const upstream_answer& a, bool overrides)
{
    // What is neither kept nor the vendor's is handed on, as without the route.
    if (is_somebody_elses(a)) return {meaning::handed_on, {}, {}};
    bool may_be_kept = !lists(a, "cache-control", {"no-store", "no-cache", "private"}) && !a.find("set-cookie");
    bool differs = lists(a, "vary", {"*"}) || is_coded(a);
    if (a.status == 200 && differs) return {meaning::unfit, {}, {}};
    // Without a length nothing else says that it was cut off (RFC 9112, section 6.3).
    if (a.status == 200 && (is_json(a) || !a.find("content-type")) && !is_json_text(a.body))
        return {meaning::handed_on, {}, {}};
    if (a.status == 200) return {may_be_kept || overrides ? meaning::found : meaning::not_kept, {}, {}};
    if (a.status > 200 && a.status < 300) return {meaning::not_kept, {}, {}};
    classification j = classify_other(a);
    if (j.what == meaning::not_found && !may_be_kept && !overrides) j.what = meaning::handed_on;
    return j;
}

classification classify(const upstream_answer& a, std::string_view id)
{
    return a.status == 200 ? classify_found(a, id) : classify_other(a);
}

}  // namespace callcache
