#include "server/front/last_head.hpp"

#include "server/http/head_reader.hpp"

namespace callcache
{
namespace
{

constexpr std::size_t remembered_bytes_max = 1 << 10;
constexpr int remembered_in_vain_max = 8;

}  // namespace

// The parts of a head before and behind its target.
struct last_head::memory
{
    std::string head;
    std::vector<field_view> fields;  // into `head`, as `read` is
    request read;
    std::string_view before, behind;
};

last_head::last_head() : left_(remembered_in_vain_max) {}
last_head::~last_head() = default;

void last_head::remember(std::string_view head, const request& r)
{
    bool worth = (r.is_get() || r.is_head()) && r.body.what == framing::kind::none && !r.absolute;
    if (!worth || head.size() > remembered_bytes_max || left_ == 0) return;
    --left_;
    auto m = std::make_unique<memory>();
    m->head = head;
    std::string_view copy = m->head;
    m->read = read_request_head(copy, m->fields).good;
    m->before = copy.substr(0, m->read.method.size() + 1);
    m->behind = copy.substr(m->before.size() + m->read.target.size());
    memory_ = std::move(m);
}

whole_head last_head::match(std::string_view bytes)
{
    if (!memory_ || !bytes.starts_with(memory_->before)) return {};
    std::string_view rest = bytes.substr(memory_->before.size());
    std::string_view target = rest.substr(0, rest.find(' '));
    if (!target.starts_with('/') || !is_good_target(target)) return {};
    if (!rest.substr(target.size()).starts_with(memory_->behind)) return {};
    memory_->read.target = target;
    return {&memory_->read, memory_->before.size() + target.size() + memory_->behind.size()};
}

whole_head last_head::read(std::string_view bytes)
{
    whole_head here = match(bytes);
    if (here.good) left_ = remembered_in_vain_max;
    return here;
}

request_or_refusal last_head::read_again(std::string_view head, std::vector<field_view>& fields)
{
    whole_head here = match(head);
    if (here.good && here.size == head.size()) return {*here.good, {}};
    return read_request_head(head, fields);
}

}  // namespace callcache
