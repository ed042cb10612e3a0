import { z } from 'zod';
import { levelMappingSchema, mappingSchema, switchOverSchema } from '@weir/contracts/policy-snapshot';
import type { Routing } from './routing.ts';

export const ROUTING_COLUMNS = {
  level: true,
  gear: true,
  modelMapper: true,
  levelMapper: true,
  switchOver: true,
  modelFailover: true,
  stickyRouting: true,
} as const;

const routingSchema = z.object({
  level: z.int(),
  gear: z.int(),
  modelMapper: z.array(mappingSchema),
  levelMapper: z.array(levelMappingSchema),
  switchOver: z.array(switchOverSchema),
  modelFailover: z.array(mappingSchema),
  stickyRouting: z.boolean().nullable(),
});

export function routingOfRow(row: Readonly<Record<keyof typeof ROUTING_COLUMNS, unknown>>): Routing {
  return routingSchema.parse(row);
}

/** Rules become plain JSON objects, in their order. */
export function rowOfRouting(routing: Routing) {
  const { modelMapper, levelMapper, switchOver, modelFailover, ...rest } = routing;
  return {
    ...rest,
    modelMapper: modelMapper.map((rule) => ({ ...rule })),
    levelMapper: levelMapper.map((rule) => ({ ...rule })),
    switchOver: switchOver.map((rule) => ({ ...rule })),
    modelFailover: modelFailover.map((rule) => ({ ...rule })),
  };
}
