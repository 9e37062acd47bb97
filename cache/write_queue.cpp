#include "cache/write_queue.hpp"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

namespace callcache
{
namespace
{

constexpr std::size_t touches_max = 10'000;  // chunks

bool is_put(const queued_change& q)
{
    return std::holds_alternative<put_change>(q.what);
}

// Which of its kind a change is about, where there is more than one.
std::string subject_of(const change& c)
{
    if (auto* n = std::get_if<drop_name_change>(&c)) return n->name;
    if (auto* r = std::get_if<partition_record>(&c)) return std::to_string(r->id);
    return {};
}

}  // namespace

void sort_puts(std::deque<queued_change>& changes)
{
    auto key_of = [](const queued_change& q) -> const entry_key& { return std::get<put_change>(q.what).key; };
    auto before = [&](const queued_change& a, const queued_change& b) {
        const entry_key &x = key_of(a), &y = key_of(b);
        return x.partition != y.partition ? x.partition < y.partition : x.name < y.name;
    };
    for (auto first = changes.begin(); first != changes.end();)
    {
        first = std::find_if(first, changes.end(), is_put);
        auto last = std::find_if_not(first, changes.end(), is_put);
        std::stable_sort(first, last, before);
        first = last;
    }
}

std::uint64_t write_queue::push(change c, store::written done)
{
    changes_.push_back({std::move(c), std::move(done), ++number_});
    return number_;
}

void write_queue::put(const entry_key& key, entry_ptr e)
{
    auto& s = keys_[key];
    if (s.kept && !supersedes(e->sent_at, s.kept->sent_at)) return;
    if (bytes_ > bytes_max_) return drop(key, e->sent_at);
    bytes_ += e->cost();
    s = {e, s.sent_until, push(put_change{key, std::move(e), generation_}, {})};
}

void write_queue::drop(const entry_key& key, wall_time sent_until)
{
    auto& s = keys_[key];
    if (s.kept && s.kept->sent_at > sent_until) return;  // it replaces what would go
    sent_until = std::max(s.sent_until, sent_until);
    s = {nullptr, sent_until, push(drop_change{key, sent_until}, {})};
}

void write_queue::drop_name(const std::string& name, store::written done)
{
    std::erase_if(keys_, [&](const auto& k) { return path_of(k.first.name) == name; });
    dropped_names_[name] = push(drop_name_change{name}, std::move(done));
}

void write_queue::drop_all(store::written done)
{
    keys_.clear();
    push(drop_all_change{++generation_}, std::move(done));
}

void write_queue::put_erasure(const erasure_record& e, store::written done)
{
    push(erasure_change{e}, std::move(done));
}

void write_queue::touch(std::vector<entry_key> keys, wall_time at)
{
    if (touches_.size() < touches_max) touches_.push_back({touch_change{std::move(keys), at}, {}, 0});
}

void write_queue::put_partition(const partition_record& p, store::written done)
{
    push(p, std::move(done));
}

std::optional<write_queue::state> write_queue::find(const entry_key& key) const
{
    auto s = keys_.find(key);
    if (s != keys_.end() && s->second.kept) return s->second;  // put after the name was dropped
    if (dropped_names_.contains(std::string(path_of(key.name)))) return state{nullptr, wall_time::max(), 0};
    if (s != keys_.end()) return s->second;
    return std::nullopt;
}

std::deque<queued_change> write_queue::take()
{
    bytes_ = 0;
    auto taken = std::exchange(changes_, {});
    if (!touches_.empty())
    {
        taken.push_back(std::move(touches_.front()));
        touches_.pop_front();
    }
    return taken;
}

void write_queue::put_back(std::deque<queued_change> changes)
{
    std::size_t bytes = bytes_;
    for (const queued_change& q : changes)
        if (auto* p = std::get_if<put_change>(&q.what)) bytes += p->kept->cost();
    if (bytes > bytes_max_) return lost(std::move(changes));
    bytes_ = bytes;
    changes_.insert(changes_.begin(), std::make_move_iterator(changes.begin()), std::make_move_iterator(changes.end()));
}

void write_queue::forget(const entry_key& key, std::uint64_t number)
{
    if (auto s = keys_.find(key); s != keys_.end() && s->second.number <= number) keys_.erase(s);
}

void write_queue::written(const std::deque<queued_change>& changes)
{
    for (const queued_change& q : changes)
    {
        if (auto* p = std::get_if<put_change>(&q.what)) forget(p->key, q.number);
        if (auto* d = std::get_if<drop_change>(&q.what)) forget(d->key, q.number);
        if (auto* n = std::get_if<drop_name_change>(&q.what))
            if (auto s = dropped_names_.find(n->name); s != dropped_names_.end() && s->second <= q.number)
                dropped_names_.erase(s);
    }
}

void write_queue::lost(std::deque<queued_change> changes)
{
    // What is queued must not grow for ever while nothing can be written: the last word on each thing stays, and those
    // before it that somebody waits for.
    std::deque<queued_change> again;
    std::set<std::pair<std::size_t, std::string>> spoken_of;
    for (auto q = changes.rbegin(); q != changes.rend(); ++q)
    {
        if (std::holds_alternative<touch_change>(q->what)) continue;
        auto* p = std::get_if<put_change>(&q->what);
        auto* d = std::get_if<drop_change>(&q->what);
        if (p || d)
        {
            auto s = keys_.find(p ? p->key : d->key);
            if (s == keys_.end()) continue;
            // Something newer is queued that takes its place, unless that is a put of what was sent for before.
            const entry_ptr& kept = s->second.kept;
            if (s->second.number != q->number && (p || !kept || kept->sent_at > d->sent_until)) continue;
            if (p)
            {
                s->second = {nullptr, std::max(s->second.sent_until, p->kept->sent_at), q->number};
                q->what = drop_change{s->first, s->second.sent_until};
            }
        }
        else if (!spoken_of.emplace(q->what.index(), subject_of(q->what)).second && !q->done)
            continue;
        again.push_front(std::move(*q));
    }
    changes_.insert(changes_.begin(), std::make_move_iterator(again.begin()), std::make_move_iterator(again.end()));
}

}  // namespace callcache
