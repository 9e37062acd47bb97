#include "server/fetch/flight_table.hpp"

#include <utility>

namespace callcache
{

void flight_table::add(const lookup_flight_ptr& f)
{
    by_number_[f->number] = f.get();
    by_key_.insert_or_assign({f->first.whose.get(), f->first.id}, f);
}

void flight_table::add(const std::shared_ptr<relay_flight>& f)
{
    by_number_[f->number] = f.get();
}

lookup_flight_ptr flight_table::joinable(const partition* whose, const std::string& id) const
{
    auto known = by_key_.find({whose, id});
    if (known == by_key_.end()) return nullptr;
    const lookup_flight_ptr& f = known->second;
    bool was_sent = f->is<sent>() || f->is<riding>();
    return was_sent && !still_holds_(id, f->last.ticket) ? nullptr : f;
}

waiter& flight_table::join(flight& f, waiter w)
{
    w.joined = !f.waiters.empty();
    auto at = f.waiters.insert(f.waiters.end(), std::move(w));
    if (at->asked.asker != 0) seats_[at->asked.asker] = {&f, at};
    if (auto* waits = std::get_if<queued>(&f.state)) waits->lingering.reset();
    return *at;
}

const flight_table::seat* flight_table::seat_of(std::uint64_t asker) const
{
    auto known = seats_.find(asker);
    return known == seats_.end() ? nullptr : &known->second;
}

waiter flight_table::leave(const seat& s)
{
    waiter gone = std::move(*s.at);
    s.in->waiters.erase(s.at);
    seats_.erase(gone.asked.asker);
    return gone;
}

void flight_table::shut(const flight& f)
{
    auto known = by_key_.find({f.first.whose.get(), f.first.id});
    if (known != by_key_.end() && known->second.get() == &f) by_key_.erase(known);
}

std::list<waiter> flight_table::end(flight& f)
{
    shut(f);
    by_number_.erase(f.number);
    for (const waiter& w : f.waiters) seats_.erase(w.asked.asker);
    return std::exchange(f.waiters, {});
}

flight* flight_table::at(fair_queue::item number) const
{
    auto known = by_number_.find(number);
    return known == by_number_.end() ? nullptr : known->second;
}

std::vector<flight_ptr> flight_table::all() const
{
    std::vector<flight_ptr> flights;
    for (const auto& [number, f] : by_number_) flights.push_back(f->shared_from_this());
    return flights;
}

std::size_t flight_table::waiting(const std::string& id) const
{
    std::size_t sum = 0;
    for (const auto& [key, f] : by_key_)
        if (key.second == id) sum += f->waiters.size();
    return sum;
}

const partition* flight_table::whose(const std::string& id) const
{
    for (const auto& [key, f] : by_key_)
        if (key.second == id) return key.first;
    return nullptr;
}

}  // namespace callcache
