#include "server/fetch/disk_in_time.hpp"

#include <atomic>

namespace callcache
{

task<std::optional<bool>> purge_in_time(tiers& kept, const std::vector<std::string>& names, const clock_source& clock)
{
    struct unwritten
    {
        explicit unwritten(std::size_t names) : left(names) {}
        std::atomic<std::size_t> left;
        std::atomic<bool> all_good{true};
    };
    auto purge = [&](auto done) {
        auto state = std::make_shared<unwritten>(names.size());
        auto all_done = std::make_shared<decltype(done)>(std::move(done));
        for (const std::string& name : names)
            kept.purge(name, [state, all_done](bool good) {
                if (!good) state->all_good = false;
                if (--state->left == 0) (*all_done)(state->all_good.load());
            });
    };
    if (names.empty()) co_return true;
    auto durable = co_await call_back_in_time<std::optional<bool>>(clock, std::nullopt, purge);
    co_return durable;
}

task<std::optional<bool>> purge_all_in_time(tiers& kept, const clock_source& clock)
{
    auto purge = [&](auto done) { kept.purge_all(std::move(done)); };
    auto durable = co_await call_back_in_time<std::optional<bool>>(clock, std::nullopt, purge);
    co_return durable;
}

task<std::optional<entry_ptr>> find_in_time(tiers& kept, const partition_ptr& whose, std::string_view name,
                                            const clock_source& clock, std::function<void()> answers,
                                            std::function<bool()> moves)
{
    auto find = [&](auto done) {
        kept.find_on_disk(whose, name, [done = std::move(done), answers](entry_ptr e) mutable {
            answers();
            done(std::move(e));
        });
    };
    auto found = co_await call_back_in_time<std::optional<entry_ptr>>(clock, std::nullopt, find, std::move(moves));
    co_return found;
}

task<std::optional<std::vector<std::string>>> find_queries_in_time(tiers& kept, std::string path,
                                                                   const clock_source& clock)
{
    using names = std::optional<std::vector<std::string>>;
    auto find = [&](auto done) { kept.find_queries(path, std::move(done)); };
    names found = co_await call_back_in_time<names>(clock, std::nullopt, find);
    co_return found;
}

}  // namespace callcache
