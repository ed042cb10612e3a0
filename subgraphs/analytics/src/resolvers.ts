import type { Resolvers } from './generated/resolvers-types.ts';
import { account, apiKey, organization, usageSeries } from './modules/usage/resolvers.ts';

export const resolvers: Resolvers = {
  Organization: organization,
  Account: account,
  ApiKey: apiKey,
  UsageSeries: usageSeries,
};
