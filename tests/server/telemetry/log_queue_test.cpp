#include "server/telemetry/log_queue.hpp"

#include <doctest/doctest.h>

#include <condition_variable>
#include <map>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <vector>

using namespace callcache;
using namespace std::chrono_literals;

namespace
{

// What the writer wrote, and whether it may. It is shared, as a writer that is held outlives its queue.
struct page
{
    void set(bool page::*what, bool on)
    {
        std::lock_guard lock(mutex);
        this->*what = on;
        changed.notify_all();
    }
    void wait_until_it_holds()
    {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return is_held && is_writing; });
    }
    void wait_for(const std::string& wanted)
    {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return text.find(wanted) != std::string::npos; });
    }
    std::string all()
    {
        std::lock_guard lock(mutex);
        return text;
    }

    std::mutex mutex;
    std::condition_variable changed;
    bool is_held = false, is_writing = false, fails = false, throws = false;
    std::string text;
};

class page_writer final : public log_writer
{
public:
    explicit page_writer(std::shared_ptr<page> p) : page_(std::move(p)) {}

    bool write(std::string_view lines) override
    {
        std::unique_lock lock(page_->mutex);
        page_->is_writing = true;
        page_->changed.notify_all();
        page_->changed.wait(lock, [&] { return !page_->is_held; });
        page_->is_writing = false;
        if (page_->throws) throw std::runtime_error("no room");
        if (page_->fails) return false;
        page_->text += lines;
        page_->changed.notify_all();
        return true;
    }

    std::string drop_notice(std::uint64_t lines) override { return "(" + std::to_string(lines) + " dropped)\n"; }

private:
    std::shared_ptr<page> page_;
};

struct queue_and_page
{
    explicit queue_and_page(std::size_t lines_max = 1'000'000, std::size_t bytes_max = 1 << 20,
                            std::chrono::milliseconds end_max = 1min) :
        queue(std::make_unique<log_queue>(std::make_unique<page_writer>(written),
                                          log_queue_limits{lines_max, bytes_max, end_max}))
    {}

    void push(const std::vector<std::string>& lines)
    {
        for (const std::string& l : lines) queue->push(l + "\n");
    }

    // The writer has the line in its hands, and the queue is empty.
    void hold_at(const std::string& line)
    {
        written->set(&page::is_held, true);
        push({line});
        written->wait_until_it_holds();
    }
    void release() { written->set(&page::is_held, false); }

    std::string all_at_the_end()
    {
        queue.reset();
        return written->all();
    }

    std::shared_ptr<page> written = std::make_shared<page>();
    std::unique_ptr<log_queue> queue;
};

}  // namespace

TEST_SUITE_BEGIN("threads: the log's queue");

TEST_CASE(
    "the log's queue: what several threads push is all written before the end, each thread's lines in their order")
{
    constexpr int threads_count = 4, lines_each = 3000;
    queue_and_page w;
    std::vector<std::thread> threads;
    for (int t = 0; t < threads_count; ++t)
        threads.emplace_back([&, t] {
            for (int n = 0; n < lines_each; ++n) w.push({std::to_string(t) + " " + std::to_string(n)});
        });
    for (std::thread& t : threads) t.join();
    CHECK(w.queue->dropped() == 0);

    std::istringstream lines(w.all_at_the_end());
    std::map<int, int> next;
    bool in_order = true;
    for (int t, n; lines >> t >> n;) in_order = next[t]++ == n && in_order;
    CHECK(in_order);
    for (int t = 0; t < threads_count; ++t) CHECK(next[t] == lines_each);
}

TEST_CASE("the log's queue: while the writer is held so many lines wait; the rest is dropped, and a line says how many")
{
    queue_and_page w(3);
    w.hold_at("first");
    w.push({"a", "b", "c", "d", "e"});
    CHECK(w.queue->dropped() == 2);
    w.release();
    w.written->wait_for("(2 dropped)\n");
    w.push({"later"});
    CHECK(w.all_at_the_end() == "first\na\nb\nc\n(2 dropped)\nlater\n");
}

TEST_CASE(
    "the log's queue: so many bytes wait, and after a line that was too long for the rest no shorter one slips in")
{
    queue_and_page w(1000, 10);
    w.hold_at("first");
    w.push({"12345", "1234", "1"});
    CHECK(w.queue->dropped() == 2);
    w.release();
    w.written->wait_for("(2 dropped)\n");
    w.push({"123456789"});  // with its end exactly as many
    CHECK(w.all_at_the_end() == "first\n12345\n(2 dropped)\n123456789\n");
}

TEST_CASE("the log's queue: a line that could never be queued is dropped alone")
{
    queue_and_page w(1000, 10);
    w.push({"1234567890"});
    w.written->wait_for("(1 dropped)\n");
    w.push({"next"});
    CHECK(w.all_at_the_end() == "(1 dropped)\nnext\n");
}

TEST_CASE("the log's queue: lines that could not be written count as dropped, which the next one that can follows")
{
    for (bool page::*trouble : {&page::fails, &page::throws})
    {
        queue_and_page w;
        w.written->set(trouble, true);
        w.push({"a"});
        while (w.queue->dropped() < 1) std::this_thread::yield();
        w.push({"b"});
        while (w.queue->dropped() < 2) std::this_thread::yield();
        w.written->set(trouble, false);
        w.push({"c"});
        CHECK(w.all_at_the_end() == "(2 dropped)\nc\n");
    }
}

TEST_CASE(
    "the log's queue: the end waits for a writer for so long and no longer, and what was queued is not lost by that")
{
    queue_and_page w(1000, 1000, 1ms);
    w.hold_at("first");
    w.push({"second"});
    w.queue.reset();
    CHECK(w.written->all() == "");
    w.release();
    w.written->wait_for("first\nsecond\n");
}

TEST_SUITE_END();
