import { Empty, Heading } from './parts.jsx';
export const ChangesView = ({ view }) => <><Heading>{view.index.title}</Heading><Empty>…</Empty></>;
