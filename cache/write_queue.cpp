#include "cache/write_queue.hpp"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

namespace callcache
{
namespace
{

constexpr std::size_t touches_max = 500;  // chunks
constexpr std::size_t crowded_min = 1000;
constexpr std::ptrdiff_t remembered_max = 50'000;  // drops; about 15 MB

bool is_put(const queued_change& q)
{
    return std::holds_alternative<put_change>(q.what);
}

bool is_single_drop(const queued_change& q)
{
    return std::holds_alternative<drop_change>(q.what) || std::holds_alternative<drop_name_change>(q.what);
}

// Which of its kind a change is about, where there is more than one.
std::string subject_of(const change& c)
{
    if (auto* n = std::get_if<drop_name_change>(&c)) return n->name;
    if (auto* v = std::get_if<drop_view_change>(&c)) return std::string(word_of(v->what));
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

write_queue::write_queue(std::size_t bytes_max, std::int64_t generation) :
    bytes_max_(bytes_max),
    generation_(generation),
    crowded_(crowded_min)
{}

std::uint64_t write_queue::push(change c, store::written done)
{
    changes_.push_back({std::move(c), std::move(done), ++number_});
    return number_;
}

void write_queue::put(const entry_key& key, entry_ptr e)
{
    auto& s = keys_[key];
    if (s.kept && !supersedes(e->sent_at, s.kept->sent_at)) return;
    if (bytes_ > bytes_max_ && !is_mark(*e)) return drop(key, e->sent_at);
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

void write_queue::drop_view(call_view v)
{
    push(drop_view_change{v}, {});
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
    if (is_name_dropped(std::string(path_of(key.name)))) return state{nullptr, wall_time::max(), 0};
    if (s != keys_.end()) return s->second;
    return std::nullopt;
}

std::deque<queued_change> write_queue::take(bool also_lost)
{
    bytes_ = 0;
    auto taken = std::exchange(changes_, {});
    if (also_lost && !owed_.empty())
    {
        keep_last_words(owed_);
        taken.insert(taken.begin(), std::make_move_iterator(owed_.begin()), std::make_move_iterator(owed_.end()));
        owed_.clear();
    }
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
    if (bytes > bytes_max_)
        forgo_puts(changes);
    else
        bytes_ = bytes;
    changes_.insert(changes_.begin(), std::make_move_iterator(changes.begin()), std::make_move_iterator(changes.end()));
    bound(changes_);
}

void write_queue::forget(const entry_key& key, std::uint64_t number)
{
    if (auto s = keys_.find(key); s != keys_.end() && s->second.number <= number) keys_.erase(s);
}

void write_queue::forget_name(const queued_change& q)
{
    auto* n = std::get_if<drop_name_change>(&q.what);
    if (auto s = n ? dropped_names_.find(n->name) : dropped_names_.end();
        s != dropped_names_.end() && s->second <= q.number)
        dropped_names_.erase(s);
}

void write_queue::written(const std::deque<queued_change>& changes)
{
    for (const queued_change& q : changes)
    {
        if (auto* p = std::get_if<put_change>(&q.what)) forget(p->key, q.number);
        if (auto* d = std::get_if<drop_change>(&q.what)) forget(d->key, q.number);
        forget_name(q);
    }
}

void write_queue::forgo_puts(std::deque<queued_change>& changes)
{
    std::deque<queued_change> left;
    for (queued_change& q : changes)
    {
        if (std::holds_alternative<touch_change>(q.what)) continue;
        if (auto* p = std::get_if<put_change>(&q.what); p && !is_mark(*p->kept))
        {
            auto s = keys_.find(p->key);
            if (s == keys_.end() || s->second.number != q.number) continue;  // something newer takes its place
            s->second = {nullptr, std::max(s->second.sent_until, p->kept->sent_at), q.number};
            q.what = drop_change{s->first, s->second.sent_until};
        }
        left.push_back(std::move(q));
    }
    changes = std::move(left);
}

void write_queue::lost(std::deque<queued_change> changes)
{
    forgo_puts(changes);
    owed_.insert(owed_.end(), std::make_move_iterator(changes.begin()), std::make_move_iterator(changes.end()));
    bound(owed_);
}

// What is queued must not grow for ever while nothing can be written.
void write_queue::bound(std::deque<queued_change>& changes)
{
    if (changes.size() < crowded_) return;
    keep_last_words(changes);
    if (std::count_if(changes.begin(), changes.end(), is_single_drop) > remembered_max) drop_all_instead(changes);
    crowded_ = std::max(crowded_min, 2 * changes.size());
}

// The last word on each thing stays, and those before it that somebody waits for.
void write_queue::keep_last_words(std::deque<queued_change>& changes) const
{
    std::deque<queued_change> last_words;
    std::set<std::pair<std::size_t, std::string>> spoken_of;
    for (auto q = changes.rbegin(); q != changes.rend(); ++q)
    {
        auto* p = std::get_if<put_change>(&q->what);
        auto* d = std::get_if<drop_change>(&q->what);
        if (p || d)
        {
            auto s = keys_.find(p ? p->key : d->key);
            if (s == keys_.end()) continue;
            // Something newer is queued that takes its place, unless that is a put of what was sent for before.
            const entry_ptr& kept = s->second.kept;
            if (s->second.number != q->number && (p || !kept || kept->sent_at > d->sent_until)) continue;
        }
        else if (!spoken_of.emplace(q->what.index(), subject_of(q->what)).second && !q->done)
            continue;
        last_words.push_front(std::move(*q));
    }
    changes = std::move(last_words);
}

void write_queue::drop_all_instead(std::deque<queued_change>& changes)
{
    std::erase_if(changes, [&](const queued_change& q) {
        if (q.done || !is_single_drop(q)) return false;
        forget_name(q);
        return true;
    });
    drop_all({});
}

}  // namespace callcache
