/* protobuf-c in a heap of 2 KiB: an order is unpacked. What protoc-c would write of
 *
 *     message Order { string name = 1; repeated int32 spoons = 2; }
 *
 * stands here by hand. */
#include <stdio.h>

#include "tsp_protobuf_c.h"

TSP_PROTOBUF_C(tsp128k);

typedef struct Order {
    ProtobufCMessage base;
    char *name;
    size_t n_spoons;
    int32_t *spoons;
} Order;

static const ProtobufCFieldDescriptor fields[] = {
    {.name = "name",
     .id = 1,
     .label = PROTOBUF_C_LABEL_NONE,
     .type = PROTOBUF_C_TYPE_STRING,
     .offset = offsetof(Order, name),
     .default_value = &protobuf_c_empty_string},
    {.name = "spoons",
     .id = 2,
     .label = PROTOBUF_C_LABEL_REPEATED,
     .type = PROTOBUF_C_TYPE_INT32,
     .quantifier_offset = offsetof(Order, n_spoons),
     .offset = offsetof(Order, spoons)},
};
static const unsigned by_name[] = {0, 1};
static const ProtobufCIntRange ranges[] = {{1, 0}, {0, 2}};

static const ProtobufCMessageDescriptor order = {
    .magic = PROTOBUF_C__MESSAGE_DESCRIPTOR_MAGIC,
    .name = "Order",
    .short_name = "Order",
    .c_name = "Order",
    .package_name = "",
    .sizeof_message = sizeof(Order),
    .n_fields = 2,
    .fields = fields,
    .fields_sorted_by_name = by_name,
    .n_field_ranges = 1,
    .field_ranges = ranges,
};

static const uint8_t message[] = {10, 5, 's', 'u', 'g', 'a', 'r', 16, 3, 16, 1, 16, 4, 16, 1, 16, 5, 34, 2, 'o', 'k'};

int main(void) {
    static tsp128k spoon;
    static unsigned char bytes[2 * 1024];
    tsp128k_init(&spoon, bytes, sizeof bytes);
    ProtobufCAllocator allocator = tsp128k_protobuf_c(&spoon);
    Order *o = (Order *)protobuf_c_message_unpack(&order, &allocator, sizeof message, message);
    if (o) {
        printf("%s:", o->name);
        for (size_t i = 0; i < o->n_spoons; i++) printf(" %d", (int)o->spoons[i]);
        printf(", and %u unknown\n", o->base.n_unknown_fields);
        protobuf_c_message_free_unpacked(&o->base, &allocator);
    } else {
        puts("NULL: no memory");
    }
    int failed = o == NULL;

    tsp_usage usage = tsp128k_usage(&spoon);
    printf("heap: at most %zu of %zu bytes in use, %zu now\n", usage.total - usage.low_free, usage.total, usage.used);
    return failed;
}
