export { attention, type Attention, type NotifyContext } from './notify';
export { TypingList, TypingSender, type TypingState } from './typing';
