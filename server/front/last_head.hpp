// A connection's last head. A tool sends the same fields with every request, and another target: then the target alone
// is read anew, which costs a tenth of reading the head.
#pragma once

#include "server/http/request.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace callcache
{

// A request, and the size of its head; null: none.
struct whole_head
{
    request* good = nullptr;
    std::size_t size = 0;
};

class last_head
{
public:
    last_head();
    ~last_head();

    // A head that was just read, and is good. Remembered, with a copy of its own, if it is a short one of a GET or HEAD
    // without a body, for a target in origin form.
    void remember(std::string_view head, const request&);

    // The request whose head stands whole at the front of `bytes`, if it is the remembered one but for its target; good
    // until the next call of anything here. Null says nothing of the bytes.
    whole_head read(std::string_view bytes);

    // The request of a whole head, which is mostly the remembered one; it points into `head` and `fields`, and is good
    // until the next call of anything here.
    request_or_refusal read_again(std::string_view head, std::vector<field_view>& fields);

private:
    struct memory;
    whole_head match(std::string_view bytes);

    std::unique_ptr<memory> memory_;
    int left_;  // so many further heads are remembered before one comes again: some tools never repeat themselves
};

}  // namespace callcache
