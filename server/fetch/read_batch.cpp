// What a read by POST brought, for each of the calls that it asked for.
//
// Several tools' calls may have gone together. A refusal is then split until each tool's own calls go alone, so that no
// tool sees one that its calls did not cause; and an answer in doubt is nobody's: each tool's request goes as it came.

#include "server/fetch/batch.hpp"
#include "server/fetch/classify.hpp"
#include "server/fetch/settle.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace callcache
{
namespace
{

using how = read_classification::what;

constexpr unsigned times_lost_max = 2;
constexpr duration doubted_for = std::chrono::hours(1);

// An element, as the answer to a lookup of its own.
upstream_answer answer_of_element(const upstream_answer& all, std::string_view element)
{
    upstream_answer one{200, {}, std::string(element)};
    for (const char* name : {"content-type", "date", "age"})
        if (const std::string* value = all.find(name)) one.fields.emplace_back(name, *value);
    return one;
}

// The requests of tools that these were begun for.
std::vector<std::uint64_t> requests_of(const std::vector<lookup_flight*>& flights)
{
    std::vector<std::uint64_t> all;
    for (const lookup_flight* f : flights)
        if (std::find(all.begin(), all.end(), f->first.read->request) == all.end())
            all.push_back(f->first.read->request);
    return all;
}

// Those of the first half of the requests go together from now on, and those of the others.
void split(miss_path& path, const std::vector<lookup_flight*>& flights)
{
    const std::vector<std::uint64_t> requests = requests_of(flights);
    const std::set<std::uint64_t> first(requests.begin(), requests.begin() + long(requests.size() + 1) / 2);
    const std::uint64_t one = path.flights.next_number(), other = path.flights.next_number();
    for (lookup_flight* f : flights)
        f->group = group_of(path, f->first, first.contains(f->first.read->request) ? one : other);
}

// Of a 200, or of a 404 that is the vendor's.
struct brought_calls
{
    const upstream_result& result;
    const read_classification& of;
    std::map<std::string_view, const call_answer*> by_id;

    share of_one(lookup_flight& f, bool is_alone) const
    {
        const std::string_view id = path_of(f.first.id);
        const bulk_answer& found = of.found;
        auto call = by_id.find(id);
        if (call != by_id.end())
        {
            const call_answer& c = *call->second;
            return {share::what::answered,
                    answer_of_element(std::get<upstream_answer>(result), c.element),
                    {false, false, is_alone, std::string(found.request_id), c.started, c.is_private, c.has_sentences}};
        }
        // What is not understood may be this one.
        bool is_odd = found.unnamed > 0 || std::find(found.not_understood.begin(), found.not_understood.end(), id) !=
                                               found.not_understood.end();
        if (is_odd) return {share::what::passes};
        if (!found.cursor.empty()) return {found.calls.empty() ? share::what::passes : share::what::again};
        upstream_answer none{404, {}, {}};
        return {share::what::answered, std::move(none), {true, false, is_alone, std::string(found.request_id)}};
    }
};

}  // namespace

std::vector<lookup_flight*> batch::all() const
{
    std::vector<lookup_flight*> flights{&leader_};
    for (const lookup_flight_ptr& f : followers_) flights.push_back(f.get());
    return flights;
}

share batch::distribute_read(const upstream_result& r, bool is_tried_again)
{
    is_over_ = true;
    const read_terms& terms = *leader_.first.read;
    const std::vector<lookup_flight*> flights = all();
    std::vector<std::string> asked = ids();
    const read_classification c = classify_read(r, terms.what, asked, path_.config().bulk.bytes_max);
    const auto took = std::chrono::floor<duration>(leader_.last.ended - leader_.last.sent_steady);
    const bool goes_apart = c.how == how::said_no && requests_of(flights).size() > 1;
    brought_calls brought{r, c, {}};
    for (const call_answer& call : c.found.calls) brought.by_id[call.id] = &call;

    if (c.how == how::read) path_.read_sizes.took(terms.what, took);
    if (!c.found.cursor.empty()) path_.read_sizes.paged(terms.what, c.found.calls.size());
    if (c.how == how::in_doubt) doubt(c.why);
    if (goes_apart) split(path_, flights);
    if (c.how == how::read && terms.what == call_view::details)
        keep_calls(path_, *terms.calls_of, std::get<upstream_answer>(r), c.found, source::bulk, leader_.last);

    auto share_of = [&](lookup_flight& f) -> share {
        const bool is_last_time = f.times_lost >= times_lost_max;
        switch (c.how)
        {
        case how::read: return brought.of_one(f, asked_ == 1);
        case how::said_no:
            if (goes_apart) return {share::what::again};
            break;
        case how::lost:
            if (!is_tried_again || is_last_time) break;
            ++f.times_lost;
            return {share::what::again};
        case how::too_large:
            f.batch_max = std::max<std::size_t>(asked_ / 2, 1);
            return {asked_ > 1 ? share::what::again : share::what::passes};
        case how::in_doubt: return {share::what::passes};
        }
        share no{share::what::answered, r};
        no.brought.is_alone = asked_ == 1;
        return no;
    };
    share mine = share_of(leader_);
    for (const lookup_flight_ptr& f : std::exchange(followers_, {}))
    {
        share its = share_of(*f);
        its.brought.is_follower = true;
        std::get<riding>(f->state).hears.send(std::move(its));
    }
    return mine;
}

// Twice in an hour says that the vendor answers in another way than is known here.
void batch::doubt(const std::string& why)
{
    const wall_time now = path_.now().wall;
    auto [before, is_first] = path_.doubted.try_emplace(whose_.name(), now);
    const bool stops = !is_first && now - before->second < doubted_for;
    before->second = now;
    if (stops) whose_.stop_bulk_until(now + doubted_for);
    path_.parts.out.warn("an answer of Gong's is not answered call by call: it is handed on as it is",
                         {{"path", std::string(path_of_reads(leader_.first.read->what))},
                          {"why", why},
                          {"tool", path_.tool_of(leader_)},
                          {"next", stops ? "in an hour, for this credential" : "with the next request"}});
}

std::shared_ptr<const read_group> group_of(miss_path& path, const lookup& l, std::uint64_t apart)
{
    // Without bulk reads each request's own calls go together, and nobody else's with them.
    if (apart == 0 && path.config().bulk.mode == bulk_mode::off) apart = l.read->request;
    auto& known = path.read_groups[{l.whose.get(), l.read->rest, apart}];
    auto group = known.lock();
    if (group) return group;
    group = std::make_shared<const read_group>();
    known = group;
    std::erase_if(path.read_groups, [](const auto& each) { return each.second.expired(); });
    return group;
}

}  // namespace callcache
