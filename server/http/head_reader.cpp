#include "server/http/head_reader.hpp"

#include "server/http/via.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>

#include <algorithm>

namespace callcache
{
namespace
{

namespace http = boost::beast::http;
using boost::beast::error_code;

// A head as Beast's parser tells it: the fields in their order, without copies.
template<bool is_request>
class head_parser final : public http::basic_parser<is_request>
{
public:
    head_parser(head_view& head, std::vector<field_view>& fields) : head_(head), fields_(fields) {}

private:
    using text = boost::beast::string_view;
    static std::string_view view(text t) { return {t.data(), t.size()}; }

    void on_request_impl(http::verb, text method, text target, int version, error_code&) override
    {
        head_.method = view(method);
        head_.target = view(target);
        head_.minor = version % 10;
    }
    void on_response_impl(int status, text reason, int version, error_code&) override
    {
        head_.status = unsigned(status);
        head_.reason = view(reason);
        head_.minor = version % 10;
    }
    void on_field_impl(http::field, text name, text value, error_code&) override
    {
        fields_.push_back({view(name), view(value)});
    }
    void on_header_impl(error_code&) override {}
    void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
    std::size_t on_body_impl(text, error_code&) override { return 0; }
    void on_chunk_header_impl(std::uint64_t, text, error_code&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, text, error_code&) override { return 0; }
    void on_finish_impl(error_code&) override {}

    head_view& head_;
    std::vector<field_view>& fields_;
};

// Beast insists on HTTP/1.0 or 1.1, and on the space before a reason that is empty, which some servers leave away. A
// first line as Beast takes it, whose words stand where they stand in `line`; empty if it takes that.
template<bool is_request>
std::string first_line_for_beast(std::string_view line)
{
    constexpr std::string_view status_line = "HTTP/1.1 200";
    const std::size_t minor_at = is_request ? line.size() - 1 : status_line.find(' ') - 1;
    const bool is_later = line[minor_at] > '1', has_no_space = !is_request && line.size() == status_line.size();
    if (!is_later && !has_no_space) return {};
    std::string taken(line);
    if (is_later) taken[minor_at] = '1';
    if (has_no_space) taken += ' ';
    return taken + "\r\n";
}

template<bool is_request>
error_code parse(std::string_view head, head_view& into, std::vector<field_view>& fields)
{
    fields.clear();
    head_parser<is_request> parser(into, fields);
    parser.header_limit(std::uint32_t(head.size()) + 1);
    parser.body_limit(boost::none);  // no body is given to it
    error_code error;
    const std::string_view line = head.substr(0, head.find('\r'));
    const std::string first = first_line_for_beast<is_request>(line);
    if (!first.empty())
    {
        parser.put(boost::asio::buffer(first), error);
        for (std::string_view* word : {&into.method, &into.target, &into.reason})
            if (!word->empty()) *word = line.substr(std::size_t(word->data() - first.data()), word->size());
        if (into.reason.empty()) into.reason = {};  // and not a view into `first`
        head.remove_prefix(line.size() + std::string_view("\r\n").size());
    }
    parser.put(boost::asio::buffer(head), error);
    into.fields = fields;
    return error;
}

bool came_through_here(std::span<const field_view> fields)
{
    return std::any_of(fields.begin(), fields.end(),
                       [](const field_view& f) { return equals_lower(f.name, "via") && names_this_process(f.value); });
}

}  // namespace

request_or_refusal read_request_head(std::string_view head, std::vector<field_view>& fields)
{
    head_view found;
    if (error_code error = parse<true>(head, found, fields))
        return {{}, refused_head{400, "the head is malformed: " + error.message()}};
    auto read = read_request(found);
    if (!read.refused && read.good.has_via && came_through_here(found.fields))
        read.refused = refused_head{508, "this request has come back: what it asks for leads to callcache itself; is "
                                         "upstream.url, or a proxy on the way to it, callcache's own address?"};
    return read;
}

answer_head_or_refusal read_answer_head(std::string_view head)
{
    head_view found;
    std::vector<field_view> fields;
    if (error_code error = parse<false>(head, found, fields)) return {{}, false, refused_head{502, error.message()}};
    return read_answer(found);
}

}  // namespace callcache
