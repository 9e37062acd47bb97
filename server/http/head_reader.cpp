#include "server/http/head_reader.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>

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

template<bool is_request>
error_code parse(std::string_view head, head_view& into, std::vector<field_view>& fields)
{
    fields.clear();
    head_parser<is_request> parser(into, fields);
    parser.header_limit(std::uint32_t(head.size()));
    parser.body_limit(boost::none);  // no body is given to it
    error_code error;
    constexpr std::size_t bare_status_size = std::string_view("HTTP/1.1 200").size();
    if (!is_request && head[bare_status_size] == '\r')
    {
        // Some servers leave away the space before a reason that is empty; Beast insists on it.
        constexpr std::string_view line_end = "\r\n";
        std::string line = std::string(head.substr(0, bare_status_size)).append(" ").append(line_end);
        parser.put(boost::asio::buffer(line), error);
        into.reason = {};  // and not a view into `line`
        head.remove_prefix(bare_status_size + line_end.size());
    }
    parser.put(boost::asio::buffer(head), error);
    into.fields = fields;
    return error;
}

}  // namespace

request_or_refusal read_request_head(std::string_view head, std::vector<field_view>& fields)
{
    head_view found;
    if (error_code error = parse<true>(head, found, fields))
        return {{}, refused_head{400, "the head is malformed: " + error.message()}};
    return read_request(found);
}

answer_head_or_refusal read_answer_head(std::string_view head)
{
    head_view found;
    std::vector<field_view> fields;
    if (error_code error = parse<false>(head, found, fields)) return {{}, false, refused_head{502, error.message()}};
    return read_answer(found);
}

}  // namespace callcache
